"""Registers the system checks ``portal.E001``…: what must not be discovered by the first caller.

``docs/settings.md`` lists them.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connection

from portal.environment import as_address
from portal.models import TelnyxAccount
from portal.passwords import KNOWN_NAMES
from portal.signatures import public_key_problem

# The tag of what keeps a process from its work. Commands and workers ask for it alone: Django's other checks read every
# model, address and page of the admin, which takes longer than most commands, and `start` has asked for all of them.
OWN = "portal"
OWN_CHECKS = (OWN,)


@register(Tags.security, OWN)
def check_settings(**_: Any) -> list[CheckMessage]:
    """Check what can be judged without the database."""
    messages: list[CheckMessage] = []
    if settings.TELNYX_PUBLIC_KEY and (problem := public_key_problem(settings.TELNYX_PUBLIC_KEY)):
        messages.append(Error(f"TELNYX_PUBLIC_KEY: {problem}", id="portal.E001"))
    if settings.TELNYX_API_KEY and settings.DEBUG:
        messages.append(Error("DEBUG shows secrets to visitors: never with a Telnyx key.", id="portal.E002"))
    if settings.TELNYX_API_KEY and _is_of_this_machine(urlsplit(settings.PORTAL_PUBLIC_URL).hostname or ""):
        hint = "Set PORTAL_PUBLIC_URL to the address Telnyx can reach."
        problem = "Telnyx cannot send webhooks to a loopback or unspecified address."
        messages.append(Warning(problem, hint=hint, id="portal.W001"))
    return messages


def _is_of_this_machine(host: str) -> bool:
    """Tell whether ``host`` leads everybody to their own machine."""
    address = as_address(host)
    if address is None:
        return host.rstrip(".").rpartition(".")[2] == "localhost"
    return address.is_loopback or address.is_unspecified


@register(Tags.database)
def check_accounts(**_: Any) -> list[CheckMessage]:
    """Warn of live accounts beside DEBUG, and of accounts that cannot verify a webhook.

    Asked only with ``--database default``.
    """
    try:
        if "portal_telnyxaccount" not in connection.introspection.table_names():
            return []
        if settings.DEBUG and _has_live_account():
            return [Error("DEBUG shows secrets to visitors: never with a live account.", id="portal.E002")]
        names = get_user_model().objects.filter(is_active=True, is_staff=True, username__in=KNOWN_NAMES)
        known = list(names.values_list("username", flat=True)) if _has_live_account() else []
        keyless = TelnyxAccount.objects.filter(public_key="").values_list("name", flat=True)
        messages: list[CheckMessage] = [
            Warning(f"{name} is a name that attackers try first: give that person another one.", id="portal.W003")
            for name in known
        ]
        return messages + [
            Warning(f"Account {name} has no public key: its webhooks are answered 503.", id="portal.W002")
            for name in keyless
        ]
    except DatabaseError:
        return []


def _has_live_account() -> bool:
    return any(account.is_live for account in TelnyxAccount.objects.only("base_url"))
