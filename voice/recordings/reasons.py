"""Says of a leg without a recording why there is none."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from voice.models import Call, CallCommand

_ASKS = frozenset({"start_recording", "texml.calls.record"})
_PARAMETERS = ("record", "Record")
_OFF = (None, False, "", "false", "do-not-record")
_SAVING = timedelta(minutes=10)  # Telnyx tells of a recording within seconds, of a long one within minutes
_Status = CallCommand.Status


def is_asking(command: CallCommand) -> bool:
    """Tell whether the command has its call recorded."""
    given = command.parameters if isinstance(command.parameters, dict) else {}
    return command.action in _ASKS or any(given.get(name) not in _OFF for name in _PARAMETERS)


def why_none(leg: Call, commands: Iterable[CallCommand], now: datetime) -> str:
    """Say it in a sentence; ``commands`` are those of the leg, oldest first."""
    asked = [command for command in commands if is_asking(command)]
    if not leg.is_alive and not leg.answered_at and not leg.bridged_at:
        return "It was never answered: there was nothing to record."
    if not asked:
        return _nobody_asked(leg)
    last = next((one for one in reversed(asked) if one.status == _Status.OK), asked[-1])
    if last.status == _Status.OK:
        return _after_a_yes(leg, now)
    words = {
        _Status.QUEUED: "The command to record is waiting to be sent.",
        _Status.SENDING: "Telnyx is being asked to record.",
        _Status.UNCERTAIN: "It is not known whether Telnyx took the command to record.",
        _Status.REFUSED: f"Telnyx refused to record: {last.error}",
        _Status.EXPIRED: f"The command to record was not carried out: {last.error}",
    }
    return words[_Status(last.status)]


def _nobody_asked(leg: Call) -> str:
    if leg.is_texml:
        return "No recording was told of. Whether its document asked for one stands in the document."
    return "No command of this portal asked for one." + ("" if leg.is_alive else " Nor was any told of.")


def _after_a_yes(leg: Call, now: datetime) -> str:
    if leg.is_alive:
        return "It is being recorded. The file comes a little after the end."
    if leg.ended_at is None or now - leg.ended_at < _SAVING:
        return "It was recorded, and Telnyx is saving the file."
    return "Telnyx took the command to record, and never told of a file."
