"""Draws, on the pages of an application and an account, whether it is suspended, and the way to change that."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from applications.models import TelnyxApplication
from portal.models import TelnyxAccount
from voice.suspensions import standing


def application_panel(request: HttpRequest, application: TelnyxApplication) -> SafeString:
    """Draw the stop of an application's page."""
    address = reverse("admin:voice_suspend_application", args=[application.account_id, application.telnyx_id])
    return _drawn(request, application.account, application.telnyx_id, "application", address)


def account_panel(request: HttpRequest, account: TelnyxAccount) -> SafeString:
    """Draw the stop of an account's page."""
    return _drawn(request, account, "", "account", reverse("admin:voice_suspend", args=[account.pk]))


def _drawn(request: HttpRequest, account: TelnyxAccount, connection_id: str, noun: str, address: str) -> SafeString:
    user: Any = request.user
    may_suspend = user.has_perm("voice.suspend")
    if not (may_suspend or user.has_perm("voice.view_suspension")):
        return SafeString("")
    row = standing.find(account.pk, connection_id)
    context = {"row": row, "noun": noun, "address": address, "may_suspend": may_suspend}
    context["words"] = standing.words(row) if row else ""
    return render_to_string("voice/stops/panel.html", context, request)
