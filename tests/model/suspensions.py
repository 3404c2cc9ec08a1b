"""What a suspension must hold back, told another way than by the product: hang-ups go, and so does what has left
already, and what a person does on a call that rings nobody."""

from portal import sql
from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION
from voice.models import CallCommand, Suspension

OF_ANOTHER = "7"
WORDS = "is suspended here"
_RINGS = {"dial", "transfer"}


def is_on(account: TelnyxAccount) -> bool:
    """Tell whether the account is suspended, or the application in which all calls are."""
    return Suspension.objects.filter(account=account, connection_id__in=("", CONNECTION)).exists()


def holds(row: CallCommand | None) -> bool:
    """Tell whether a suspension holds this command back, if there is one."""
    if row is None or row.first_sent_at is not None or row.action == "hangup":
        return False
    return row.event_id is not None or row.action in _RINGS


def judge(before: bool, row: CallCommand | None, after: CallCommand) -> str:
    """Say what is wrong with a claim; empty if nothing is. ``before``: whether something was suspended then."""
    if before and holds(row) and after.status == "sending":
        return f"suspensions: {after.action} begins while it is suspended"
    why = after.error.partition("Before: ")[0]  # behind that stands what held it back until it was too late
    if not before and after.status == "expired" and WORDS in why:
        return f"suspensions: {after.action} expires by one, and there is none"
    return ""


def row_of(pk: object) -> CallCommand | None:
    return sql.fetch(CallCommand, id=pk)
