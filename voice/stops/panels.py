"""Draws, on the pages of an application and an account, whether it is suspended, and the way to change that."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from applications.models import TelnyxApplication
from portal.models import TelnyxAccount
from voice.suspensions import standing


def application_head(request: HttpRequest, application: TelnyxApplication) -> dict[str, SafeString]:
    """Draw for the head of an application's page the ``button`` that suspends it, or the ``notice`` that it is so."""
    address = reverse("admin:voice_suspend_application", args=[application.account_id, application.telnyx_id])
    told = _told(request, application.account, application.telnyx_id)
    if told is None:
        return {}
    part = "notice" if told["row"] else "button"
    return {part: render_to_string(f"voice/stops/{part}.html", told | {"address": address}, request)}


def account_panel(request: HttpRequest, account: TelnyxAccount) -> SafeString:
    """Draw the stop of an account's page."""
    told = _told(request, account, "")
    if told is None:
        return SafeString("")
    return render_to_string(
        "voice/stops/panel.html", told | {"address": reverse("admin:voice_suspend", args=[account.pk])}, request
    )


def _told(request: HttpRequest, account: TelnyxAccount, connection_id: str) -> dict[str, Any] | None:
    """Tell whether it is suspended; None to who may not know."""
    user: Any = request.user
    may_suspend = user.has_perm("voice.suspend")
    if not (may_suspend or user.has_perm("voice.view_suspension")):
        return None
    row = standing.find(account.pk, connection_id)
    return {"row": row, "words": standing.words(row) if row else "", "may_suspend": may_suspend}
