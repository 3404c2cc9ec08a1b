"""Whether what a command asks for is already so at Telnyx: read before a set-state command is sent once more."""

from voice import conferences, live, queues
from voice.models import CallCommand


def is_already_so(command: CallCommand) -> bool:
    """Asks Telnyx, for those actions whose effect can be read there; False for all others."""
    if command.action.startswith("conferences."):
        return conferences.is_already_so(command)
    if command.action.startswith("queues."):
        return queues.is_already_so(command)
    return live.is_already_so(command)
