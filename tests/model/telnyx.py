"""Telnyx as the model check plays it, at ``ask``: it keeps what was really carried out, whatever the portal is told."""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from portal.telnyx.errors import TelnyxRefused, TelnyxUnavailable, TelnyxUncertain
from tests.model.clock import BEGIN, Clock
from tests.support.factories import CONNECTION, FROM
from voice.models import CallCommand

REMEMBERED = 60.0  # seconds for which Telnyx ignores a repeat
ROOM = "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"
FATES = ("ok", "lost", "silent", "down", "429:3", "429:30", "dials:2", "no", "D13", "401", "lost_no", "record_no")
_LEG_ONLY = {"call.recording.saved", "call.transcription"}
_GONE = ("The call has ended.", {"http_status": 422, "code": "90018"})


@dataclass
class Leg:
    control_id: str
    leg_id: str
    session_id: str
    outgoing: bool
    to: str
    by: uuid.UUID | None  # the command that made it
    started: float
    ended: float | None = None
    client_state: str | None = None
    recording_since: float | None = None
    muted: bool = False
    on_hold: bool = False
    in_room: bool = False

    @property
    def alive(self) -> bool:
        return self.ended is None


@dataclass
class Webhook:
    data: dict[str, Any]
    at: float
    source: str = "pending"  # late, delivered, failed
    attempts: int = 0
    failed_at: float = 0.0


@dataclass
class Telnyx:
    clock: Clock
    path: str  # of the account's address
    record_has_ids: bool = True
    repeats_in_record: bool = False
    list_lags: bool = False
    legs: list[Leg] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)  # its record's
    done: Counter[uuid.UUID] = field(default_factory=Counter)
    first: dict[uuid.UUID, float] = field(default_factory=dict)
    sends: dict[uuid.UUID, list[float]] = field(default_factory=dict)
    refused: set[uuid.UUID] = field(default_factory=set)
    told_again: set[str] = field(default_factory=set)  # ids
    needless: list[str] = field(default_factory=list)  # a state set again that could be read
    number: int = 0

    def iso(self, at: float | None = None) -> str:
        return (BEGIN + timedelta(seconds=self.clock.now if at is None else at)).isoformat().replace("+00:00", "Z")

    def leg(self, control_id: object) -> Leg | None:
        return next((leg for leg in self.legs if leg.control_id == control_id), None)

    def begin_leg(
        self,
        *,
        outgoing: bool,
        to: str,
        by: uuid.UUID | None = None,
        session: str = "",
        quiet: bool = False,
        late: bool = False,
    ) -> Leg:
        self.number += 1
        leg_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"leg{self.number}"))
        session = session or str(uuid.uuid5(uuid.NAMESPACE_URL, f"session{self.number}"))
        leg = Leg(f"v3:{self.number}", leg_id, session, outgoing, to, by, self.clock.now)
        self.legs.append(leg)
        direction = "outgoing" if outgoing else "incoming"
        told = {"direction": direction, "state": "parked", "start_time": self.iso()}
        if not quiet:
            self.tell("call.initiated", leg, **told)
            self.webhooks[-1].source = "late" if late else "pending"
        return leg

    def end_leg(self, leg: Leg) -> None:
        if leg.alive:
            self.stop_recording(leg)
            leg.ended = self.clock.now
            self.tell("call.hangup", leg, hangup_cause="normal_clearing", state="hangup", end_time=self.iso())

    def stop_recording(self, leg: Leg) -> None:
        if leg.recording_since is not None:
            times = {"recording_started_at": self.iso(leg.recording_since), "recording_ended_at": self.iso()}
            leg.recording_since = None
            self.tell("call.recording.saved", leg, **times)

    def tell(self, event_type: str, leg: Leg | None, **payload: Any) -> None:
        told: dict[str, Any] = {"connection_id": CONNECTION}
        if leg is not None:
            told |= {"call_leg_id": leg.leg_id, "call_session_id": leg.session_id}
            if event_type not in _LEG_ONLY:
                told |= {"call_control_id": leg.control_id, "client_state": leg.client_state}
                told |= {"from": FROM, "to": leg.to}
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, f"event{len(self.webhooks)}"))
        data = {"record_type": "event", "event_type": event_type, "id": identifier, "payload": told | payload}
        self.webhooks.append(Webhook(data | {"occurred_at": self.iso()}, self.clock.now))

    # --- What the portal asks -----------------------------------------------------------------------------------------

    def command(self, command: CallCommand, values: dict[str, Any], fate: str) -> dict[str, Any]:
        """Carry the command out, or not, and answer, or not."""
        key, takes_id = command.pk, "command_id" in values
        assert not takes_id or values["command_id"] == str(command.id_at_telnyx)
        if fate == "down":
            raise TelnyxUnavailable("no connection")
        if fate.startswith(("429", "dials")):
            code = "10011" if fate.startswith("429") else "90103"
            raise TelnyxUnavailable("slower", retry_after=int(fate.partition(":")[2]), http_status=429, code=code)
        self.sends.setdefault(key, []).append(self.clock.now)
        if fate == "401":
            raise TelnyxRefused("key", http_status=401, code="10009")
        if fate == "silent":
            raise TelnyxUncertain("503", http_status=503)
        is_repeat = takes_id and key in self.first and self.clock.now - self.first[key] < REMEMBERED
        answer = {"result": "ok"} if is_repeat else self._carry_out(command, fate)
        if fate in ("lost", "lost_no"):
            raise TelnyxUncertain("503", http_status=503)
        if command.action == "dial":
            leg = next(leg for leg in self.legs if leg.by == key) if not answer.get("call_leg_id") else None
            answer = answer if leg is None else _ids(leg)
        return {"data": answer}

    def _carry_out(self, command: CallCommand, fate: str) -> dict[str, Any]:
        leg = self.leg(command.call_control_id) if command.call_control_id else None
        ended = (leg is None or not leg.alive) and bool(command.call_control_id)
        if ended or fate in ("no", "D13", "lost_no"):
            self.refused.add(command.pk)
            self._note(command, leg, {"status": "failed", "errors": [{"code": "90018" if ended else "10010"}]})
            if fate == "lost_no" and not ended:
                return {}
            if ended:
                raise TelnyxRefused(_GONE[0], **_GONE[1])
            reason = {"http_status": 403, "code": "10010", "reason": "D13"} if fate == "D13" else {}
            raise TelnyxRefused("no", **(reason or {"http_status": 422, "code": "90010"}))
        if fate == "record_no" and command.action == "dial":
            self.number += 1
            leg_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"leg{self.number}"))
            self._note(command, None, {"status": "failed", "telnyx_error": {"error_code": "D13"}}, leg_id)
            self.refused.add(command.pk)
            return {"call_control_id": f"v3:{self.number}", "call_leg_id": leg_id, "call_session_id": leg_id}
        self.done[command.pk] += 1
        self.first[command.pk] = self.clock.now
        made = self._effect(command, leg) or {"result": "ok"}
        self._note(command, leg or self.leg(made.get("call_control_id")), {})
        return made

    def _note(self, command: CallCommand, leg: Leg | None, more: dict[str, Any], leg_id: str = "") -> None:
        told: dict[str, Any] = {"status": "success", **more}
        if self.record_has_ids:
            told["command_id"] = str(command.id_at_telnyx)
        entry = {"type": "command", "name": command.action, "metadata": told, "event_timestamp": self.iso()}
        entry |= {"call_leg_id": leg.leg_id if leg else leg_id, "at": self.clock.now}
        self.commands.append(entry)

    def _effect(self, command: CallCommand, leg: Leg | None) -> dict[str, Any] | None:
        action, asked = command.action, command.parameters
        if action == "dial":
            late = self.number % 3 == 0  # of some it tells by webhook when all is over
            return _ids(self.begin_leg(outgoing=True, to=asked["to"], by=command.pk, late=late))
        if action.startswith("conferences."):
            return self._in_room(action.partition(".")[2], command)
        assert leg is not None
        if effect := _EFFECTS.get(action):
            effect(self, leg, command)
        return None

    def _in_room(self, action: str, command: CallCommand) -> None:
        name, value = {"hold": ("on_hold", True), "unhold": ("on_hold", False), "mute": ("muted", True)}[action]
        legs = [leg for one in command.parameters["call_control_ids"] if (leg := self.leg(one)) and leg.alive]
        self._note_needless(command, bool(legs) and all(getattr(leg, name) is value for leg in legs))
        for leg in legs:
            setattr(leg, name, value)

    def _note_needless(self, command: CallCommand, is_so: bool) -> None:
        if is_so and self.done[command.pk] > 1:
            self.needless.append(command.action)

    # --- What it reads ------------------------------------------------------------------------------------------------

    def read(self, method: str, *path: str, **values: Any) -> dict[str, Any]:
        return _READS[method](self, *path, **values)

    def _status(self, control_id: str, **_: Any) -> dict[str, Any]:
        leg = self.leg(control_id)
        if leg is None or (leg.ended is not None and self.clock.now - leg.ended > 600):
            raise TelnyxRefused("unknown", http_status=404, code="90015")
        told = {"is_alive": leg.alive, "client_state": leg.client_state}
        return {"data": told | ({"end_time": self.iso(leg.ended)} if leg.ended is not None else {})}

    def _active(self, connection_id: str, **_: Any) -> dict[str, Any]:
        alive = [leg for at, leg in enumerate(self.legs) if leg.alive and not (self.list_lags and at % 2)]
        rows = [_ids(leg) | {"call_duration": int(self.clock.now - leg.started)} for leg in alive]
        return {"data": rows, "meta": {"total_items": len(rows), "cursors": {}}}

    def _participants(self, conference_id: str, **_: Any) -> dict[str, Any]:
        inside = [leg for leg in self.legs if leg.in_room and leg.alive]
        rows = [{"call_control_id": leg.control_id, "muted": leg.muted, "on_hold": leg.on_hold} for leg in inside]
        return {"data": rows, "meta": {"total_pages": 1}}

    def _call_events(self, **values: Any) -> dict[str, Any]:
        wanted = values.get("filter", {})
        rows: list[dict[str, Any]] = []
        for webhook in self.webhooks:
            payload = webhook.data["payload"]
            entry = {"type": "webhook", "name": webhook.data["event_type"], "metadata": {"event": webhook.data}}
            entry |= {"call_leg_id": payload.get("call_leg_id", ""), "event_timestamp": webhook.data["occurred_at"]}
            rows.append(entry)
            if self.repeats_in_record:
                rows.append(entry | {"metadata": {"event": self._again(webhook)}})
        rows = [row for row in [*rows, *self.commands] if _is_wanted(row, wanted)]
        return {"data": rows, "meta": {"total_pages": 1, "total_results": len(rows)}}

    def _again(self, webhook: Webhook) -> dict[str, Any]:
        """Return what a second attempt to deliver it told: of every other one under an id of its own."""
        if self.webhooks.index(webhook) % 2:
            return webhook.data
        identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, f"again{webhook.data['id']}"))
        self.told_again.add(identifier)
        return webhook.data | {"id": identifier}

    def _deliveries(self, **values: Any) -> dict[str, Any]:
        wanted = values.get("filter", {})
        until = datetime.fromisoformat(wanted["finished_at"]["lte"])
        since = datetime.fromisoformat(wanted["started_at"]["gte"]) if "started_at" in wanted else BEGIN
        rows = []
        for at, webhook in enumerate(self.webhooks):
            ended = BEGIN + timedelta(seconds=webhook.failed_at)
            if webhook.source == "failed" and ended <= until and BEGIN + timedelta(seconds=webhook.at) >= since:
                tried = [{"http": {"request": {"url": f"https://portal.example{self.path}call-control/"}}}]
                rows.append({"id": str(at), "status": "failed", "webhook": webhook.data, "attempts": tried})
                rows[-1] |= {"started_at": self.iso(webhook.at), "finished_at": self.iso(webhook.failed_at)}
        return {"data": rows, "meta": {"total_pages": 1, "total_results": len(rows)}}


def _ids(leg: Leg) -> dict[str, Any]:
    return {"call_control_id": leg.control_id, "call_leg_id": leg.leg_id, "call_session_id": leg.session_id}


def _is_wanted(row: dict[str, Any], wanted: dict[str, Any]) -> bool:
    if "leg_id" in wanted:
        return bool(row["call_leg_id"] == wanted["leg_id"])
    if "type" in wanted and row["type"] != wanted["type"]:
        return False
    at = datetime.fromisoformat(row["event_timestamp"])
    since = wanted.get("occurred_at", {}).get("gte")
    return not since or at >= datetime.fromisoformat(since)


def _transfer(telnyx: Telnyx, leg: Leg, command: CallCommand) -> None:
    telnyx.begin_leg(outgoing=True, to=command.parameters["to"], by=command.pk, session=leg.session_id)
    telnyx.tell("call.bridged", leg)


def _bridge(telnyx: Telnyx, leg: Leg, command: CallCommand) -> None:
    telnyx.tell("call.bridged", leg)
    if other := telnyx.leg(command.parameters.get("call_control_id")):
        telnyx.tell("call.bridged", other)


def _transcribe(telnyx: Telnyx, leg: Leg, command: CallCommand) -> None:
    for at in range(3):
        telnyx.clock.now += 0.01
        telnyx.tell("call.transcription", leg, transcription_data={"transcript": str(at)})


def _answer(telnyx: Telnyx, leg: Leg, command: CallCommand) -> None:
    telnyx.tell("call.answered", leg)
    if command.parameters.get("record"):
        leg.recording_since = telnyx.clock.now


def _record(telnyx: Telnyx, leg: Leg, command: CallCommand) -> None:
    leg.recording_since = telnyx.clock.now if leg.recording_since is None else leg.recording_since


def _set_state(telnyx: Telnyx, leg: Leg, command: CallCommand) -> None:
    telnyx._note_needless(command, leg.client_state == command.parameters["client_state"])
    leg.client_state = command.parameters["client_state"]


# Whatever is sent later adds what it does here.
_EFFECTS: dict[str, Callable[[Telnyx, Leg, CallCommand], None]] = {
    "answer": _answer,
    "speak": lambda telnyx, leg, command: telnyx.tell("call.speak.started", leg),
    "hangup": lambda telnyx, leg, command: telnyx.end_leg(leg),
    "transfer": _transfer,
    "bridge": _bridge,
    "start_recording": _record,
    "stop_recording": lambda telnyx, leg, command: telnyx.stop_recording(leg),
    "start_transcription": _transcribe,
    "update_client_state": _set_state,
}
_READS: dict[str, Callable[..., dict[str, Any]]] = {
    "calls.retrieve_status": Telnyx._status,
    "call_events.list": Telnyx._call_events,
    "connections.list_active_calls": Telnyx._active,
    "conferences.list_participants": Telnyx._participants,
    "webhook_deliveries.list": Telnyx._deliveries,
}
