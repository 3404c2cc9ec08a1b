"""Finds the id of an account that stands in TeXML's addresses (``/texml/Accounts/{account_sid}/…``).

Telnyx documents none: callbacks carry the ``user_id`` of ``GET /whoami``, integrators report its ``organization_id``,
and a wrong one is answered 404. So both are tried with a read, once, and the one that works is remembered.
"""

from portal.models import TelnyxAccount
from portal.telnyx.client import Unaskable, ask, read
from portal.telnyx.errors import TelnyxRefused

_WORDS = (
    "Telnyx does not tell the id that stands in TeXML's addresses. Enter it as account SID on the account's page, or "
    "as TELNYX_ACCOUNT_SID: the organization's id, else the user's, as the Telnyx portal shows them."
)


class NoAccountSid(Unaskable):
    """Says that no account SID is known, and what to enter."""

    def __init__(self) -> None:
        super().__init__(_WORDS)


def account_sid(account: TelnyxAccount) -> str:
    """Return the id: as entered, as remembered, or as Telnyx tells it now. ``NoAccountSid`` where none can be had.

    Raises what ``ask`` raises, too.
    """
    if known := account.account_sid or account.found_account_sid:
        return known
    found = next((sid for sid in _told(account) if _works(account, sid)), "")
    if not found:
        raise NoAccountSid
    # of this key alone: meanwhile somebody may have entered another one
    TelnyxAccount.objects.filter(pk=account.pk, api_key_sealed=account.api_key_sealed).update(found_account_sid=found)
    account.found_account_sid = found
    return found


def _told(account: TelnyxAccount) -> list[str]:
    try:
        answer = read(account, "/whoami")
    except TelnyxRefused as error:
        if error.is_not_found:
            return []
        raise
    data = answer.get("data")
    ids = (data.get(name) for name in ("organization_id", "user_id")) if isinstance(data, dict) else ()
    return [sid for sid in ids if isinstance(sid, str) and 0 < len(sid) <= TelnyxAccount.LONGEST_SID]


def _works(account: TelnyxAccount, sid: str) -> bool:
    try:
        ask(account, "texml.accounts.calls.retrieve_calls", sid, extra_query={"PageSize": "1"})
    except TelnyxRefused as error:
        if error.is_not_found:
            return False
        raise
    return True
