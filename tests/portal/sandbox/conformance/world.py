"""One of everything that an operation names in its path or asks for, made when it is first needed."""

from collections.abc import Callable
from typing import Any

import telnyx

from portal.sandbox.resources.audit import ORGANIZATION
from portal.telnyx import schemas
from tests.portal.sandbox.conformance.catalogue import Operation
from tests.support.polling import eventually
from tests.support.sandbox_actions import FIRST, RINGING, VALUES, sample
from tests.support.sandbox_applications import make_application
from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import Account, make_texml_application, wait_form
from tests.support.webhook_receiver import Hook, Receiver

NEEDS_RECORDING = {"conferences.actions.record_pause", "conferences.actions.record_resume"}
NEEDS_RECORDING |= {"conferences.actions.record_stop"}


class World:
    """Makes what an operation needs in a sandbox, by the name of a place in its path."""

    def __init__(self, sdk: telnyx.Telnyx, http: Http, receiver: Receiver, application: Any, account: Account) -> None:
        self.sdk, self.http, self.receiver = sdk, http, receiver
        self.application, self.account = application, account
        self.count = 0
        self.told: list[Hook] = []
        self.asked: list[dict[str, Any]] = []

    def every_request(self) -> list[dict[str, Any]]:
        """All that was asked since the beginning, with its answer, as the ledger has it."""
        assert self.http.exchange
        return self.asked + self.http.exchange.store.entries("requests")

    def every_hook(self) -> list[Hook]:
        """All that was told since the beginning."""
        self.told += self.receiver.hooks
        self.receiver.hooks.clear()
        return self.told

    def begin_anew(self) -> None:
        """Forget every call, and have both applications again."""
        self.every_hook()
        self.asked = self.every_request()
        assert self.http("POST", "/sandbox/reset")[0] == 200
        self.application = make_application(self.sdk, self.receiver, call_cost_in_webhooks=True)
        self.account = Account(self.http, make_texml_application(self.sdk, self.receiver))
        self.receiver.documents["/doc"] = "<Response><Pause length='30'/></Response>"

    def places(self, operation: Operation) -> dict[str, str]:
        """A value for each place of the path."""
        if operation.name.startswith("queues.calls."):
            call = self.answered()
            self.http.act(call, "enqueue", queue_name="waiting")
            known = {"queue_name": "waiting", "call_control_id": call}
            return {place: known[place] for place in operation.places}
        if operation.name.startswith("conferences."):
            return self._in_conference(operation)
        known: dict[str, str] = {}
        for place in operation.places:  # what is recorded or streamed belongs to the call before it in the path
            known[place] = self._place(operation, place, known)
        return known

    def body(self, operation: Operation, places: dict[str, str], *, everything: bool) -> dict[str, Any]:
        """What it has to be told, or all that it may be told."""
        values = VALUES | self._values(operation, places)
        wanted = [one for one in schemas.parameters(operation.name) if one.name not in operation.places]
        return {one.name: sample(one, values) for one in wanted if everything or one.required}

    def before(self, operation: Operation, places: dict[str, str]) -> None:
        """Do what has to be done first."""
        action = operation.name.removeprefix("calls.actions.")
        if action in FIRST and operation.name.startswith("calls."):
            first = f"calls.actions.{FIRST[action]}"
            body = {one.name: sample(one, VALUES) for one in schemas.parameters(first) if one.required}
            method = getattr(self.sdk.calls.actions, FIRST[action])
            method(next(iter(places.values())), **schemas.arguments(first, body))
        if operation.name in NEEDS_RECORDING:
            self.sdk.conferences.actions.record_start(places["id"], format="wav")

    def ringing(self) -> str:
        return self.http.ring("transferred", connection_id=self.application.id)

    def answered(self) -> str:
        id = self.ringing()
        assert self.http.act(id, "answer")[0] == 200
        return id

    def recording(self) -> str:
        id = self.answered()
        self.http.act(id, "record_start", format="wav", channels="single", transcription=True)
        self.http.act(id, "record_stop")
        saved = eventually(lambda: self._saved(id), "the recording", self.http.exchange)
        return str(saved[0]["recording_id"])

    def _saved(self, id: str) -> list[dict[str, Any]]:
        events = [hook.event for hook in self.receiver.hooks if "data" in hook.body]  # the others are forms
        told = [event["payload"] for event in events if event["event_type"] == "call.recording.saved"]
        return [payload for payload in told if payload["call_control_id"] == id]

    def _values(self, operation: Operation, places: dict[str, str]) -> dict[str, Any]:
        name = operation.name
        self.count += 1
        values: dict[str, Any] = {"connection_id": self.application.id, "name": f"room {self.count}"}
        values |= {"queue_name": f"queue {self.count}"} if name in ("queues.create", "calls.actions.enqueue") else {}
        if name in ("calls.actions.bridge", "calls.dial", "conferences.create", "conferences.actions.join"):
            values |= {"call_control_id": self.answered()}
            values |= dict.fromkeys(("link_to", "supervise_call_control_id"), values["call_control_id"])
        elif name.startswith("conferences.actions."):
            values |= {"call_control_id": self.member, "call_control_ids": [self.member]}
        if name == "recordings.actions.delete":
            values |= {"ids": [self.recording()]}
        if name.startswith(("call_control_applications", "texml_applications")):
            values |= dict.fromkeys(("webhook_event_url", "voice_url"), self.receiver.url)
            values |= dict.fromkeys(
                ("webhook_event_failover_url", "voice_fallback_url", "status_callback"), self.receiver.url
            )
        return values | self._under_way(places)

    def _under_way(self, places: dict[str, str]) -> dict[str, Any]:
        """The ids of what is recorded or streamed there, for commands that name it."""
        exchange = self.http.exchange
        assert exchange
        found: dict[str, Any] = {}
        for id in places.values():
            call, conference = exchange.store.call(id), exchange.store.get("conferences", id)
            for kind, name in (("recording", "recording_id"), ("stream", "stream_id")):
                if call and call.running.get(kind):
                    found[name] = call.running[kind][0]["id"]
            for one in (conference or {}).get("recordings", []):
                found["recording_id"] = one["id"]
        return found

    def _in_conference(self, operation: Operation) -> dict[str, str]:
        self.count += 1
        self.member = self.answered()
        made = self.http("POST", "/v2/conferences", {"call_control_id": self.member, "name": f"place {self.count}"})[1]
        known = dict.fromkeys(("id", "conference_id"), made["data"]["id"]) | {"participant_id": self.member}
        if "participant_id" in operation.places:
            path = f"/v2/conferences/{made['data']['id']}/participants"
            known["participant_id"] = self.http("GET", path)[1]["data"][0]["id"]
        return {place: known[place] for place in operation.places}

    def _place(self, operation: Operation, place: str, known: dict[str, str]) -> str:
        if "call_sid" in known:
            return self._begun(known["call_sid"], place)
        if place == "id":
            place = operation.path.removeprefix("/").partition("/{")[0]
        if place in ("call_control_id", "call_control_id_to_bridge"):
            action = operation.name.removeprefix("calls.actions.")
            return self.ringing() if action in RINGING else self.answered()
        return _MAKERS.get(place, _nobody)(self)  # what is not served needs no id that there is

    def _begun(self, call: str, place: str) -> str:
        """The sid of something that goes on in a call of TeXML's."""
        name, body = _ON_A_CALL[place]
        wait_form(self.receiver, CallSid=call, CallStatus="in-progress")
        status, answer = self.account("POST", f"Calls/{call}/{name}.json", body)
        assert status == 200, answer
        return str(answer["sid"])

    def made(self, path: str, body: dict[str, Any]) -> str:
        status, answer = self.http("POST", f"/v2/{path}", body)
        assert status in (200, 201), answer
        return str(answer["data"]["id"])

    def first(self, path: str) -> str:
        return str(self.http("GET", f"/v2/{path}")[1]["data"][0]["id"])

    def transcription(self) -> str:
        recording, path = self.recording(), "/v2/recording_transcriptions"
        every = eventually(lambda: self.http("GET", path)[1]["data"], f"that of {recording}", self.http.exchange)
        return str(every[-1]["id"])

    def participant(self) -> dict[str, Any]:
        self.count += 1
        self.member = f"one{self.count}"
        return self.account.participant(f"daily{self.count}", Label=self.member)

    def queue(self) -> str:
        self.count += 1
        name = f"support{self.count}"
        self.account("POST", "Queues", {"FriendlyName": name})
        return name

    def texml_recording(self) -> str:
        sid = self.account.ring("texml_record")
        return wait_form(self.receiver, CallSid=sid, RecordingStatus="completed")["RecordingSid"]

    def texml_transcription(self) -> str:
        sid = self.account.ring("texml_record")
        return wait_form(self.receiver, CallSid=sid, TranscriptionStatus="completed")["TranscriptionSid"]


def _nobody(world: World) -> str:
    return "none"


_ON_A_CALL: dict[str, tuple[str, dict[str, Any]]] = {
    "recording_sid": ("Recordings", {}),
    "siprec_sid": ("Siprec", {"ConnectorName": "archive"}),
    "streaming_sid": ("Streams", {"Url": "wss://example.com/audio"}),
}
_PROFILES = "outbound_voice_profiles"
_MAKERS: dict[str, Callable[[World], str]] = {
    "account_sid": lambda world: ORGANIZATION,
    "call_control_applications": lambda world: world.made(
        "call_control_applications", {"application_name": "x", "webhook_event_url": world.receiver.url}
    ),
    "call_sid": lambda world: world.account.dial(),
    "call_sid_or_participant_label": lambda world: world.member,
    "conference_sid": lambda world: str(world.participant()["conference_sid"]),
    "connection_id": lambda world: str(world.application.id),
    "connections": lambda world: str(world.application.id),
    "organizations/users": lambda world: world.first("organizations/users"),
    _PROFILES: lambda world: world.first(_PROFILES),
    "phone_number_id": lambda world: world.first("phone_numbers"),
    "phone_numbers": lambda world: world.first("phone_numbers"),
    "queue_name": World.queue,
    "queue_sid": World.queue,
    "recording_id": World.recording,
    "recording_sid": World.texml_recording,
    "recording_transcription_id": World.transcription,
    "recording_transcription_sid": World.texml_transcription,
    "texml_applications": lambda world: world.made(
        "texml_applications", {"friendly_name": "x", "voice_url": world.receiver.url}
    ),
    "webhook_deliveries": lambda world: world.first("webhook_deliveries"),
}
