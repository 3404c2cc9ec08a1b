"""Knows whose ``account_sid`` is in a path: ``GET /whoami``; and takes the account's secrets.

Which of the two ids belongs into ``/texml/Accounts/{account_sid}`` is not settled: integrators take the organization's,
Telnyx's guide for migrators the user's. The sandbox takes one of them, the organization's unless told otherwise.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.core.errors import Problem, Refused, unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.requests import Request
from portal.sandbox.resources.audit import ORGANIZATION, OWNER
from portal.sandbox.texml import parameters

USER = OWNER.id  # what callbacks tell as AccountSid
API_VERSION = "v2/texml"
_IDS = {"organization_id": ORGANIZATION, "user_id": USER}
_CHOICE = "texml_account"


def whoami() -> JsonObject:
    """Return whose key this is. In no document; Telnyx's staff names it as where the ids are found."""
    return {"data": dict(_IDS)}


def check(exchange: Exchange, account_sid: str) -> None:
    """Refuse a path of another account. Integrators saw this 404 with a code, unlike that of what is in an account."""
    if account_sid != _IDS[chosen(exchange)["account_sid"]]:
        raise Refused(404, Problem("10005", "Resource not found", "The requested resource or URL could not be found."))


def chosen(exchange: Exchange) -> JsonObject:
    """Return which id is the ``account_sid``, and what both are."""
    kept = exchange.store.get(_CHOICE, _CHOICE) or {"id": "organization_id"}
    return {"account_sid": kept["id"], **_IDS}


def choose(exchange: Exchange, which: Any) -> None:
    """Decide which id is the ``account_sid`` from now on: ``user_id`` or ``organization_id``."""
    if not isinstance(which, str) or which not in _IDS:
        detail = f"'account_sid' must be one of {', '.join(_IDS)}."
        raise unprocessable("10015", "Invalid parameter", detail, "/account_sid")
    exchange.store.put(_CHOICE, _CHOICE, {"id": which})


def create_secret(exchange: Exchange, request: Request, at: tuple[str, ...]) -> JsonObject:
    """Take a secret. Nothing here uses one, so it is forgotten."""
    body = parameters.read(request, "texml.secrets", required=("name", "value"))
    return {"data": {"name": body["name"], "value": "REDACTED"}}


def resource_not_found() -> Refused:
    """Return the 404 of everything within an account: it has no code."""
    return Refused(404, Problem("", "", "Resource not found"))


def mail_time(at: float | str) -> str:
    """Write Unix seconds, or what ISO 8601 tells, as RFC 2822: how most of TeXML's resources tell times."""
    moment = datetime.fromtimestamp(at, UTC) if isinstance(at, float) else datetime.fromisoformat(at)
    return format_datetime(moment)


def uri(account_sid: str, *parts: str) -> str:
    """Return the relative address of a resource, as Telnyx tells it: with ``.json``, whatever path serves it."""
    return f"/v2/texml/Accounts/{account_sid}/{'/'.join(parts)}.json"
