"""Judges which address is this portal's: one account of Telnyx may serve receivers that are not ours."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from applications.models import CallControlApplication, TelnyxApplication, TexmlApplication
from portal.models import TelnyxAccount


def path_of(account: TelnyxAccount) -> str:
    """Return the part of the address that is the account's own, below which all its doors lie."""
    return f"/webhooks/{account.webhook_token}/"


def points_here(url: str, account: TelnyxAccount) -> bool:
    """Return whether ``url`` lies below the account's own address, whatever host or proxy's path stands before it."""
    return path_of(account) in url


def pointing_here(account: TelnyxAccount) -> QuerySet[CallControlApplication]:
    """Return applications that Telnyx still has, and of which one address is the account's here."""
    return CallControlApplication.objects.filter(_ours(account), account=account, missing_since=None)


def is_texml_ours(account: TelnyxAccount) -> bool:
    """Return whether each of the account's TeXML applications has an address here: its list of calls tells none."""
    path = path_of(account)
    here = Q(status_callback__contains=path) | Q(voice_url__contains=path) | Q(voice_fallback_url__contains=path)
    rows = TexmlApplication.objects.filter(account=account, missing_since=None)
    return rows.exists() and not rows.exclude(here).exists()


def pointing_elsewhere(account: TelnyxAccount, connection_ids: Iterable[str]) -> set[str]:
    """Return those of them that are known to send their webhooks elsewhere, and never here."""
    rows = CallControlApplication.objects.filter(account=account, telnyx_id__in=set(connection_ids))
    rows = rows.exclude(_ours(account)).exclude(webhook_event_url="", webhook_event_failover_url="")
    return set(rows.values_list("telnyx_id", flat=True))


def is_elsewhere(application: TelnyxApplication) -> bool:
    """Return whether its webhooks go to another receiver first: that none comes here is as it should be."""
    url = ""
    if isinstance(application, CallControlApplication):
        url = application.webhook_event_url
    elif isinstance(application, TexmlApplication):
        url = application.status_callback
    return bool(url) and not points_here(url, application.account)


def was_sent_here(account: TelnyxAccount, attempts: Iterable[dict[str, Any]]) -> bool:
    """Return whether one of a delivery's attempts (``GET /webhook_deliveries``) went to the account's address here."""
    return any(points_here(url_of(attempt) or "", account) for attempt in attempts)


def url_of(attempt: dict[str, Any]) -> str | None:
    """Return where an attempt went, if Telnyx tells."""
    http = attempt.get("http")
    request = http.get("request") if isinstance(http, dict) else None
    url = request.get("url") if isinstance(request, dict) else None
    return url if isinstance(url, str) else None


def _ours(account: TelnyxAccount) -> Q:
    path = path_of(account)  # in SQL what ``points_here`` says
    return Q(webhook_event_url__contains=path) | Q(webhook_event_failover_url__contains=path)
