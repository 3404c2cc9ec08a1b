"""Asks whose key an account has, before anything is read or written with it (``GET /whoami``).

Somebody may enter the key of another organization for an account whose applications are here already. Its list would
then look like a mass delete, with strangers that are new.
"""

from collections.abc import Callable

from portal.models import TelnyxAccount
from portal.telnyx.client import NotAsked, read
from portal.telnyx.errors import TelnyxRefused
from portal.telnyx.patience import nobody, patiently

_IDS = ("organization_id", "user_id")


class AnotherOwner(NotAsked, TelnyxRefused):
    """Says that the key is another organization's than what is known of the account."""

    def __init__(self, account: TelnyxAccount) -> None:
        super().__init__(
            f"The API key of {account} belongs to another Telnyx account than the one its applications came from. "
            "Nothing was read or written. Enter the right key, or an account of its own for this one; if the change is "
            "meant, pull again and accept what is missing (--accept-missing)."
        )


def check_owner(account: TelnyxAccount, alive: Callable[[], None] = nobody) -> None:
    """Raise ``AnotherOwner`` when Telnyx names somebody else than is remembered. Raises what ``read`` raises, too."""
    if account.owner and (told := _owner(account, alive)) and told != account.owner:
        raise AnotherOwner(account)


def remember_owner(account: TelnyxAccount, alive: Callable[[], None] = nobody, *, accept: bool = False) -> None:
    """Do the same, and remember who it is the first time, or when a change is to be accepted."""
    told = _owner(account, alive)
    if not told or told == account.owner:
        return
    if account.owner and not accept:
        raise AnotherOwner(account)
    # of this key alone: meanwhile somebody may have entered another one
    TelnyxAccount.objects.filter(pk=account.pk, api_key_sealed=account.api_key_sealed).update(owner=told)
    account.owner = told


def _owner(account: TelnyxAccount, alive: Callable[[], None]) -> str:
    """Return the organization's id, else the user's; empty when Telnyx tells neither."""
    try:
        answer = patiently(lambda: read(account, "/whoami"), alive)
    except TelnyxRefused as error:
        if error.http_status == 401:
            raise
        return ""  # not every key may ask
    data = answer.get("data")
    ids = (data.get(name) for name in _IDS) if isinstance(data, dict) else ()
    return next((id for id in ids if isinstance(id, str) and 0 < len(id) <= TelnyxAccount.LONGEST_SID), "")
