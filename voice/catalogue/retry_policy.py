"""Decides how long an action makes sense, how often it may be sent, and when a person has to say what became of it.

Telnyx ignores a repeat of a ``command_id`` for 60 s ("Receiving Webhooks for Programmable Voice"), so an attempt whose
outcome is unknown may be repeated within 50 s of the first: ten are left for clocks and the wire. After that the
command is *uncertain*, and said so. Which actions take a ``command_id`` is read from the SDK; the others go by their
class.
"""

from datetime import datetime, timedelta
from enum import Enum

from portal.telnyx import schemas
from voice.catalogue import actions, texml_operations

WINDOW = timedelta(seconds=50)  # since the first send; Telnyx's own is 60 s
_RESEND_AFTER = (0.5, 1.5, 4, 10, 25)  # seconds since the first send
# How long after its cause an action still makes sense, in seconds. An answer 20 s late rings in an empty room.
_FRESH = {"answer": 20, "reject": 20, "speak": 15, "gather": 15, "gather_using_speak": 15, "gather_using_audio": 15}
_FRESH |= {"start_playback": 15, "transfer": 30}
_FRESH |= dict.fromkeys(actions.HANG_UPS, 300) | dict.fromkeys(actions.NEW_CALLS, 20)
_FRESH_OTHERS = 30
# They put a call into a state and take no command_id: the same twice is the same, once it is known still to be wanted.
_SET_STATE = {"update_client_state", "switch_supervisor_role"}
_SET_STATE |= {f"conferences.{name}" for name in ("hold", "unhold", "mute", "unmute", "stop", "update_participant")}
_SET_STATE |= {"queues.update", "queues.delete", "queues.calls.update", "queues.calls.remove"}
_SET_STATE |= {"recordings.delete"} | texml_operations.SET_STATE
# Of these a later one undoes an earlier one about the same. A queue goes by its name, which its creation tells as well.
OF_A_QUEUE = frozenset(f"{kind}queues.{verb}" for kind in ("", "texml.") for verb in ("create", "update", "delete"))
PARTICIPANT_DIAL = "texml.participants.dial"  # it may give its participant a label that another one had
_UNDO_EACH_OTHER = (
    OF_A_QUEUE,
    frozenset({"queues.calls.update", "queues.calls.remove"}),
    frozenset({PARTICIPANT_DIAL, "texml.participants.update", "texml.participants.remove"}),
    frozenset({"texml.calls.update_recording"}),
)
MONEY = frozenset({"pay"})  # charges somebody
# When an uncertain command is looked for, in seconds since it became uncertain, and when a person has to decide.
_LOOKS_AFTER = (5, 30, 120, 300, 900)
UNKNOWN_AFTER = timedelta(minutes=15)


class RetryClass(Enum):
    """Says what may follow an attempt whose outcome is not known."""

    DEDUPLICATED = "A"  # the same again under its id, while Telnyx recognises it
    SET_STATE = "B"  # the state is read first; if it is another one, the same again
    ONCE = "C"  # nothing: only a person may send it again
    MONEY = "D"  # as A; afterwards only a person decides, from the processor's own record
    TEXML = "E"  # as C; what came of it is told by TeXML's callbacks and resources, which carry no command's id


def retry_class(action: str) -> RetryClass:
    """Return the class of an action by SDK name."""
    if action in MONEY:
        return RetryClass.MONEY
    if action in _SET_STATE:
        return RetryClass.SET_STATE
    if texml_operations.is_texml(action):
        return RetryClass.TEXML
    return RetryClass.DEDUPLICATED if takes_command_id(action) else RetryClass.ONCE


def takes_command_id(action: str) -> bool:
    """Tell whether Telnyx ignores a repeat."""
    return schemas.has_parameter(actions.method(action), "command_id")


def needs_window(action: str) -> bool:
    """Tell whether a repeat is only safe while Telnyx recognises the id of the first."""
    return retry_class(action) is not RetryClass.SET_STATE


def is_sent_once(action: str) -> bool:
    """Tell whether nothing may follow an attempt whose outcome is not known, but a person's decision."""
    return retry_class(action) in {RetryClass.ONCE, RetryClass.TEXML}


def rivals(action: str) -> frozenset[str]:
    """Name the actions that undo what this one has set, itself among them; none where the same is meant for good."""
    return next((group for group in _UNDO_EACH_OTHER if action in group), frozenset())


def freshness(action: str) -> timedelta:
    """Return the time after which the action is not begun any more."""
    return timedelta(seconds=_FRESH.get(action, _FRESH_OTHERS))


def next_resend(action: str, first_sent_at: datetime, now: datetime) -> datetime | None:
    """Tell when an attempt without an answer is made again; None when that would not be safe, or is given up."""
    if is_sent_once(action):
        return None
    return _first_after(now, first_sent_at, _RESEND_AFTER)


def next_look(uncertain_since: datetime, now: datetime) -> datetime | None:
    """Tell when Telnyx is asked next what became of an uncertain command; None when the portal stops looking."""
    return _first_after(now, uncertain_since, _LOOKS_AFTER)


def _first_after(now: datetime, begin: datetime, steps: tuple[float, ...]) -> datetime | None:
    later = (begin + timedelta(seconds=seconds) for seconds in steps)
    return next((at for at in later if at > now), None)
