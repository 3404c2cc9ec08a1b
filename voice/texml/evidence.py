"""Finds out what became of a TeXML command whose outcome is unknown: from callbacks, or from Telnyx's resources.

Neither carries a command's id, and a document may do on the same call what a command does. So something proves a
command only where nothing else that is known can have caused it; that nothing is there proves nothing, since Telnyx's
lists lag behind.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q

from portal.phone_numbers import same_form
from portal.times import read_mail_time, read_time
from voice.catalogue import actions
from voice.catalogue.correlation import BEGINS_WITHIN
from voice.catalogue.event_types import label
from voice.catalogue.texml_operations import ANSWERS, CALL_STATUS_OVER, DIALS, address
from voice.models import Call, CallCommand, CallEvent
from voice.texml import requests

_SKEW = timedelta(seconds=5)  # of Telnyx's clock against ours
_BY_API = "StartCallRecordingAPI"  # the source of a recording that no document, application or dial began
# what a command begins, by the field of its callback that names it
_BEGUN = {
    "texml.calls.record": "RecordingSid",
    "texml.calls.start_stream": "StreamSid",
    "texml.calls.start_siprec": "SiprecSid",
}
_Status = CallCommand.Status
Row = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """Says in ``words`` from what a command is settled; ``call`` are the ids of the call that a dial made."""

    words: str
    call: dict[str, str] | None = None


# --- Callbacks --------------------------------------------------------------------------------------------------------


def from_callbacks(command: CallCommand) -> Found | None:
    """Find what the callbacks that came since the command was sent show of it."""
    if command.first_sent_at is None:
        return None
    if command.action in DIALS:
        return _dialled(command, {})
    event = _answering(command)
    return Found(f"Settled from the callback {event.event_type} ({label(event.event_type)}).") if event else None


def _answering(command: CallCommand) -> CallEvent | None:
    ids, named = address(command.action, command.path), command.parameters.get("Name")
    # the fields that tell its callback from others
    told: dict[str, dict[str, Any]] = {
        "texml.calls.record": {"RecordingSource": _BY_API},
        "texml.calls.update_recording": {"RecordingSid": ids.get("recording_sid")},
        "texml.calls.start_stream": {"StreamName": named},
        "texml.calls.stop_stream": {"StreamSid": ids.get("streaming_sid")},
        "texml.calls.start_siprec": {"SiprecName": named},
        "texml.calls.stop_siprec": {"SiprecSid": ids.get("siprec_sid")},
        "texml.conferences.end": {"ConferenceSid": ids.get("conference_sid")},
    }
    types, fields = ANSWERS.get(command.action, ()), told.get(command.action, {})
    is_pause = command.action == "texml.calls.update_recording" and command.parameters.get("Status") != "stopped"
    if not types or not all(fields.values()) or is_pause:
        return None
    rows = CallEvent.objects.defer("body", "headers").filter(
        account=command.account_id, event_type__in=types, received_at__gte=command.first_sent_at
    )
    if call_sid := ids.get("call_sid"):
        rows = rows.filter(call_control_id=call_sid)
    found = list(rows.filter(**{f"payload__{name}": value for name, value in fields.items()}).order_by("received_at"))
    if sid := _BEGUN.get(command.action):  # each of the other commands may have begun one of them
        begun = {_field(event, sid) for event in found}
        return found[0] if len(begun) > _alike(command) else None
    return found[0] if found else None


def _field(event: CallEvent, name: str) -> object:
    return (event.payload or {}).get(name)


# --- Dials ------------------------------------------------------------------------------------------------------------


def _dialled(command: CallCommand, listed: dict[str, Row]) -> Found | None:
    """Find the call that a dial made, among those that callbacks told of and those ``listed`` at Telnyx.

    Of two dials and two calls it is known that both were made, and not which is whose.
    """
    sids = {*_calls_told(command), *listed}
    others = CallCommand.objects.filter(account=command.account_id, call__call_control_id__in=sids)
    taken = others.filter(action__in=actions.NEW_CALLS).exclude(pk=command.pk)
    sids -= set(taken.values_list("call__call_control_id", flat=True))
    rivals = _rival_dials(command)
    if len(sids) <= rivals:
        return None
    source = "the list of calls at Telnyx" if sids <= set(listed) else "the callbacks of the call"
    its_own = {"call_control_id": sids.pop()} if len(sids) == 1 and not rivals else None
    return Found(f"Settled from {source}.", its_own)


def _calls_told(command: CallCommand) -> set[str]:
    """Collect the calls to and from its numbers, of its application, that began when it was sent."""
    sent, asked = command.first_sent_at, command.parameters
    assert sent is not None
    began = (sent - _SKEW, sent + BEGINS_WITHIN)
    rows = Call.objects.filter(account=command.account_id, started_at__range=began).exclude(direction="incoming")
    if application := actions.application_of(command):
        rows = rows.filter(connection_id=application)
    numbers = rows.values_list("pk", "to_number", "from_number")  # of five minutes: their rows may be many, and large
    of_them = [pk for pk, to, caller in numbers if _same(asked, "To", to) and _same(asked, "From", caller)]
    told = CallEvent.objects.defer("body", "headers").filter(call__in=of_them, event_type__startswith="texml.")
    parents: dict[str, bool] = {}
    for event in told:  # a document's <Dial> makes a leg of the same numbers: it has a parent
        parents[event.call_control_id] = parents.get(event.call_control_id, False) or bool(
            _field(event, "ParentCallSid")
        )
    return {sid for sid, has_parent in parents.items() if not has_parent}


def _same(asked: Row, name: str, number: object) -> bool:
    """Tell whether a number is the one that was asked for; any is where none was."""
    return not asked.get(name) or same_form(str(asked[name])) == same_form(str(number))


def _rival_dials(command: CallCommand) -> int:
    """Count the other commands that may have made such a call, and whose own call is not known."""
    sent, asked = command.first_sent_at, command.parameters
    assert sent is not None
    around = (sent - 2 * BEGINS_WITHIN, sent + 2 * BEGINS_WITHIN)
    unmet = Q(call=None, action__in=actions.NEW_CALLS) | Q(action="transfer")
    rows = CallCommand.objects.filter(unmet, account=command.account_id, first_sent_at__range=around)
    others = rows.exclude(status=_Status.REFUSED).exclude(pk=command.pk).values_list("parameters__To", "parameters__to")
    called = [to if isinstance(to, list) else [to] for pair in others for to in pair if to]
    return sum(any(_same(asked, "To", one) for one in to) for to in called)


def _listed_calls(command: CallCommand) -> dict[str, Row]:
    """Ask Telnyx for the calls of the day between these numbers; those that may be the dial's, by SID."""
    sent, asked = command.first_sent_at, command.parameters
    assert sent is not None
    found: dict[str, Row] = {}
    wanted = {name: str(asked[name]) for name in ("To", "From") if asked.get(name)}
    for day in sorted({sent.date(), (sent + BEGINS_WITHIN).date()}):
        for row in requests.read_all(
            command.account, "texml.calls.list", wanted=wanted | {"StartTime": day.isoformat()}
        ).rows:
            at = _time(row.get("start_time")) or _time(row.get("date_created"))
            is_its = at is not None and sent - _SKEW <= at <= sent + BEGINS_WITHIN
            same = all(_same(asked, name, row.get(name.lower())) for name in wanted)
            outgoing = row.get("direction") != "inbound" and not row.get("parent_call_sid")
            if is_its and same and outgoing and isinstance(sid := row.get("sid"), str) and sid:
                found[sid] = row
    return found


def _time(text: object) -> Any:
    return read_time(text) or (read_mail_time(text) if isinstance(text, str) else None)


# --- Telnyx's resources -----------------------------------------------------------------------------------------------


def from_telnyx(command: CallCommand) -> Found | None:
    """Ask Telnyx once for what the command made or set. Raises what ``ask`` raises."""
    if command.first_sent_at is None:
        return None
    if command.action in DIALS:
        return _dialled(command, _listed_calls(command))
    return Found("Settled from the state at Telnyx.") if is_already_so(command) else None


def is_already_so(command: CallCommand) -> bool:
    """Tell whether Telnyx's resource is as ``command`` would make it; False where that cannot be read."""
    look = _LOOKS.get(command.action)
    return look is not None and look(command)


def _read(command: CallCommand, name: str) -> Row | None:
    told = requests.fetch(command.account, name, *command.path)
    return told.resource if told else None


def _is_hung_up(command: CallCommand) -> bool:
    return (_read(command, "texml.calls.retrieve") or {}).get("status") in CALL_STATUS_OVER


def _is_recorded(command: CallCommand) -> bool:
    """Tell whether more recordings were begun by REST since than others were asked for."""
    sent = command.first_sent_at
    rows = _recordings(command)
    begun = [_time(row.get("start_time")) for row in rows if row.get("source") == _BY_API]
    since = [at for at in begun if sent is not None and at is not None and at >= sent - _SKEW]
    return len(since) > _alike(command)


def _alike(command: CallCommand) -> int:
    """Count the other commands for the same thing that may have done it since."""
    rows = CallCommand.objects.filter(
        account=command.account_id,
        action=command.action,
        call_control_id=command.call_control_id,
        first_sent_at__gte=(command.first_sent_at or command.created_at) - 2 * BEGINS_WITHIN,
    )
    return rows.exclude(pk=command.pk).exclude(status=_Status.REFUSED).count()


def _has_recording_status(command: CallCommand) -> bool:
    wanted = command.parameters.get("Status")
    as_told = {"stopped", "completed"} if wanted == "stopped" else {wanted}
    sid = address(command.action, command.path)["recording_sid"]
    return any(row.get("sid") == sid and row.get("status") in as_told for row in _recordings(command))


def _recordings(command: CallCommand) -> Iterable[Row]:
    return requests.read_all(command.account, "texml.calls.recordings", command.path[0]).rows


def _has_ended(command: CallCommand) -> bool:
    return (_read(command, "texml.conferences.retrieve") or {}).get("status") == "completed"


def _is_changed(command: CallCommand) -> bool:
    """Tell whether all that was asked for can be read of the participant, and is so."""
    names = {
        "Muted": "muted",
        "Hold": "hold",
        "Coaching": "coaching",
        "CallSidToCoach": "coaching_call_sid",
        "EndConferenceOnExit": "end_conference_on_exit",
    }
    person, asked = _read(command, "texml.participants.retrieve") or {}, command.parameters
    return bool(asked) and all(name in names and person.get(names[name]) == value for name, value in asked.items())


def _is_removed(command: CallCommand) -> bool:
    person = _read(command, "texml.participants.retrieve")
    return person is None or person.get("status") == "completed"


def _has_size(command: CallCommand) -> bool:
    queue = _read(command, "texml.queues.retrieve") or {}
    return bool(queue.get("max_size") == command.parameters.get("MaxSize"))


def _is_new_queue(command: CallCommand) -> bool:
    told = requests.fetch(command.account, "texml.queues.retrieve", command.queue_name) if command.queue_name else None
    made, sent = _time(told.resource.get("date_created")) if told else None, command.first_sent_at
    return made is not None and sent is not None and made >= sent - _SKEW


def _is_deleted(name: str) -> Callable[[CallCommand], bool]:
    def look(command: CallCommand) -> bool:
        found = _read(command, name)
        return found is None or found.get("status") == "deleted"

    return look


_LOOKS: dict[str, Callable[[CallCommand], bool]] = {
    "texml.calls.hang_up": _is_hung_up,
    "texml.calls.record": _is_recorded,
    "texml.calls.update_recording": _has_recording_status,
    "texml.conferences.end": _has_ended,
    "texml.participants.update": _is_changed,
    "texml.participants.remove": _is_removed,
    "texml.queues.create": _is_new_queue,
    "texml.queues.update": _has_size,
    "texml.queues.delete": _is_deleted("texml.queues.retrieve"),
    "texml.recordings.delete": _is_deleted("texml.recordings.retrieve"),
    "texml.transcriptions.delete": _is_deleted("texml.transcriptions.retrieve"),
}
