"""Asks Telnyx whether a recording is gone: what became of a deletion whose answer was lost."""

from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxRefused
from voice.models import CallCommand


def is_already_so(command: CallCommand) -> bool:
    """Tell whether the recording that ``command`` deletes is there no more. Raises what ``ask`` raises."""
    try:
        ask(command.account, "recordings.retrieve", command.path[0])
    except TelnyxRefused as error:
        if error.is_not_found:
            return True
        raise
    return False
