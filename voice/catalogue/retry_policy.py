"""Which actions may be sent again when nobody knows whether Telnyx carried them out: four classes.

Which take a ``command_id`` is read from the SDK; Telnyx ignores a repeat of one for 60 s ("Receiving Webhooks for
Programmable Voice").
"""

from enum import Enum

from voice.catalogue import actions

# They put a call into a state and take no command_id: the same twice is the same, once it is known still to be wanted.
_SET_STATE = {"update_client_state", "switch_supervisor_role"}
_SET_STATE |= {f"conferences.{name}" for name in ("hold", "unhold", "mute", "unmute", "stop", "update_participant")}
_SET_STATE |= {"queues.update", "queues.delete", "queues.calls.update", "queues.calls.remove"}
_MONEY = {"pay"}


class RetryClass(Enum):
    """What may follow an attempt whose outcome is not known."""

    DEDUPLICATED = "A"  # the same again under its id, while Telnyx recognises it
    SET_STATE = "B"  # the state is read first; if it is another one, the same again
    ONCE = "C"  # nothing: only a person may send it again
    MONEY = "D"  # as A; afterwards only a person decides, from the processor's own record


def retry_class(action: str) -> RetryClass:
    """The class of an action by SDK name."""
    if action in _MONEY:
        return RetryClass.MONEY
    if action in _SET_STATE:
        return RetryClass.SET_STATE
    return RetryClass.DEDUPLICATED if actions.repeatable(action) else RetryClass.ONCE


def needs_window(action: str) -> bool:
    """Whether a repeat is only safe while Telnyx recognises the id of the first."""
    return retry_class(action) is not RetryClass.SET_STATE
