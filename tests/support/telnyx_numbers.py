"""Phone numbers at Telnyx, and the address under which the portal tells of them."""

from typing import Any

from applications.kinds import Kind
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from tests.support.applications import CALL_CONTROL


def number_at(account: TelnyxAccount, last: int = 0) -> dict[str, Any]:
    query = {"filter[phone_number]": f"1312555010{last}"}
    found: dict[str, Any] = ask(account, "phone_numbers.list", extra_query=query)["data"][0]
    return found


def assigned(account: TelnyxAccount, application: Any, last: int = 0) -> dict[str, Any]:
    number = number_at(account, last)
    ask(account, "phone_numbers.update", number["id"], connection_id=application.telnyx_id)
    return number


def numbers_url(application: Any, *more: str, kind: Kind = CALL_CONTROL) -> str:
    """Where REST tells of an application's numbers."""
    return "/".join(["/api/v1", kind.slug, application.telnyx_id, "phone-numbers", *more, ""])
