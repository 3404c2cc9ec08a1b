"""Tells of TeXML legs: what Call Control sends as events goes out as forms, each to the address asked for.

Fields: Telnyx's API reference, callbacks ``texml-*``. They name no event and have no id; of those for which it
publishes no fields (cost beyond its amount, SIPREC, conversations) the docs of the sandbox say so.
"""

import json
from collections.abc import Callable

from portal.json_types import JsonObject
from portal.sandbox.conferences import conferences
from portal.sandbox.core.events import calling_party_type, timestamp
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.store import Call
from portal.sandbox.resources import recordings
from portal.sandbox.resources.audit import ORGANIZATION
from portal.sandbox.texml import accounts

Form = dict[str, str]
CONFERENCES = "texml_conferences"  # what only TeXML keeps of a conference: where its callbacks go
STOPPED = "texml_stopped_recordings"  # recordings that were stopped and are not saved yet
FETCH = "texml_fetch"  # the timer of a document that waited until it was known who answered
_NOT_ANSWERED = {"user_busy": "busy", "timeout": "no-answer", "no_answer": "no-answer", "originator_cancel": "canceled"}
_ANSWERED_BY = {"machine": "machine_start", "fax_detected": "fax", "not_sure": "unknown"}
_REST_ANSWERED_BY = {"machine": "machine", "fax_detected": "not_sure", "not_sure": "not_sure"}
_GREETING = {"beep_detected": "machine_end_beep", "ended": "machine_end_other"}


def tell(exchange: Exchange, call: Call, event_type: str, payload: JsonObject) -> None:
    """Tell of a TeXML leg what would be this event of another one. Most events of Call Control have no like here."""
    if told := _TOLD.get(event_type):
        told(exchange, call, payload)


def common(call: Call) -> Form:
    """Return the fields of every callback."""
    return {"AccountSid": accounts.USER, "CallSid": call.call_control_id, "CallSidLegacy": call.call_control_id}


def status(call: Call) -> str:
    """Return how a call stands, in the words of CallStatus and of the call's resource."""
    if call.alive:
        return "in-progress" if call.state == "answered" else "ringing"
    return "completed" if call.answered_at else _NOT_ANSWERED.get(call.hangup_cause or "", "failed")


def progress(exchange: Exchange, call: Call, event: str, call_status: str, more: Form | None = None) -> None:
    """Tell of a call's progress, if ``event`` was asked for; it is counted all the same."""
    texml = _texml(call)
    form = _numbered(call) | {
        "CallStatus": call_status,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(texml["sequence"]),
        "Timestamp": _now(exchange),
        "CallInitiatedAt": timestamp(call.started_at, "milliseconds"),
        "CallerId": call.caller_id_name or call.from_number,
    }
    texml["sequence"] += 1
    if texml.get("parent"):
        form |= {"ParentCallSid": texml["parent"], "ParentCallSidLegacy": texml["parent"]}
    to_status_urls(exchange, call, f"texml.call.{event}", form | (more or {}), {event, call_status})


def to_status_urls(exchange: Exchange, call: Call, kind: str, form: Form, events: set[str]) -> None:
    """Send to whoever asked for one of ``events`` of this call; the application's address is told everything.

    Which events Telnyx sends to an application's ``status_callback`` is documented nowhere.
    """
    wanted = _texml(call).get("status")
    if wanted is None:
        to_application(exchange, call, kind, form)
    elif events & set(wanted["events"]):
        for url in wanted["urls"]:
            send(exchange, call, kind, form, url, wanted["method"])


def to_application(exchange: Exchange, call: Call, kind: str, form: Form) -> None:
    application = exchange.application(call)
    send(exchange, call, kind, form, application.get("status_callback"), application.get("status_callback_method"))


def send(exchange: Exchange, call: Call, kind: str, form: Form, url: str | None, method: str | None = None) -> None:
    """Send one form, if there is where to; to the application's fallback when it is not taken."""
    if url:
        failover = exchange.application(call).get("voice_fallback_url") or ""
        exchange.emit_form(call, kind, form, url, failover, (method or "POST").upper())


def recording(exchange: Exchange, call: Call, id: str, recording_status: str, channels: str, more: Form) -> None:
    """Tell of a recording, if the one who asked for it asked for this, too."""
    wanted = _texml(call).get("recordings", {}).get(id)
    if wanted and recording_status in wanted["events"]:
        form = _connected(call) | {
            "RecordingSid": id,
            "RecordingStatus": recording_status,
            "RecordingSource": wanted["source"],
            "RecordingChannels": "2" if channels == "dual" else "1",
        }
        if not wanted["send_url"]:
            more = {name: value for name, value in more.items() if name != "RecordingUrl"}
        kind = f"texml.recording.{recording_status.replace('-', '_')}"
        send(exchange, call, kind, form | more, wanted["url"], wanted["method"])


def conference(exchange: Exchange, call: Call, id: str, event: str, name: str) -> None:
    """Tell of a conference, if ``name`` (start, end, join, leave) was asked for; it is counted all the same."""
    kept = exchange.store.get(CONFERENCES, id)
    if kept is None:
        return
    exchange.store.put(CONFERENCES, id, kept | {"sequence": kept["sequence"] + 1})
    if name in kept["events"]:
        room = exchange.store.get(conferences.CONFERENCES, id) or {}
        label = _texml(call).get("label")
        form = _numbered(call) | {
            "ConferenceSid": id,
            "FriendlyName": str(room.get("name")),
            "StatusCallbackEvent": event,
            "SequenceNumber": str(kept["sequence"]),
            "Timestamp": _now(exchange),
            "CallingPartyType": calling_party_type(call),
            "FromSipUri": sip_uri(call.from_number),
            "ToSipUri": sip_uri(call.to_number),
        }
        form |= {"ParticipantLabel": label} if label else {}
        send(exchange, call, f"texml.conference.{name}", form, kept["url"], kept["method"])


def stream(exchange: Exchange, call: Call, item: JsonObject, what: str) -> None:
    """Tell of a stream or a SIPREC session, ``item``: started, stopped or failed."""
    kind: str = item["kind"]
    name = kind.capitalize()
    form = common(call) | {f"{name}Event": f"{kind}-{what}", f"{name}Sid": item["sid"], "Timestamp": _now(exchange)}
    form |= {f"{name}Name": item["name"]} if item["name"] else {}
    form |= {f"{name}Error": item["error"]} if what == "failed" else {}
    send(exchange, call, f"texml.{kind}.{what}", form, item["url"], item["method"])


def sip_uri(number: str) -> str:
    return number if number.startswith(("sip:", "sips:")) else f"sip:{number}@sip.telnyx.com"


def _texml(call: Call) -> JsonObject:
    assert call.texml is not None
    return call.texml


def _connected(call: Call) -> Form:
    return common(call) | {"ConnectionId": call.connection_id}


def _numbered(call: Call) -> Form:
    return _connected(call) | {"From": call.from_number, "To": call.to_number}


def _now(exchange: Exchange) -> str:
    return timestamp(exchange.now(), "milliseconds")


def _initiated(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    attestation, validated = payload["shaken_stir_attestation"], payload["shaken_stir_validated"]
    told = {"ShakenStirAttestation": attestation, "ShakenStirValidated": str(validated).lower()} if attestation else {}
    progress(exchange, call, "initiated", "initiated", told)


def _answered(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    progress(exchange, call, "answered", "in-progress")


def _hangup(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    ended = payload["end_time"]
    form = {
        "CallDuration": duration(call),
        "EndTime": ended,
        "OccurredAt": ended,
        "HangupCause": str(call.hangup_cause),
        "HangupSource": str(call.hangup_source),
        "SipHangupCause": str(call.sip_hangup_cause),  # in the reference's example, and seen on the wire
        "CallControlId": call.call_control_id,
        "CallLegId": call.call_leg_id,
        "CallSessionId": call.call_session_id,
        "OrganizationId": ORGANIZATION,
    }
    if call.answered_at:
        form["AnsweredTime"] = timestamp(call.answered_at)
    if payload["call_quality_stats"]:
        form["CallQualityStats"] = json.dumps(payload["call_quality_stats"])
    if call.reason:
        form |= {"ErrorCode": call.reason, "ErrorMessage": f"The call was not put through: {call.reason}."}
    progress(exchange, call, "completed", status(call), form | dialled(call))


def duration(call: Call) -> str:
    """Return for how many seconds somebody talked."""
    return str(round(call.ended_at - call.answered_at) if call.ended_at and call.answered_at else 0)


def dialled(call: Call) -> Form:
    """Return what is told of the leg that a document dialled from this one, once that is over."""
    leg = _texml(call).get("dialled")
    if not leg:
        return {}
    ids = {"DialCallSid": leg["sid"], "DialCallSidLegacy": leg["sid"]} if leg["sid"] else {}
    return ids | {"DialCallStatus": leg["status"], "DialCallDuration": leg["duration"]}


def _cost(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    form = common(call) | {
        "CallbackSource": "call-cost-events",
        f"CallCost[{call.call_control_id}]": payload["total_cost"],
    }
    to_application(exchange, call, "texml.cost", form)


def _detected(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    result = payload["result"]
    texml = _texml(call)
    texml["answered_by"] = _REST_ANSWERED_BY.get(result, "human")
    if result != "machine" or texml["detect"] != "DetectMessageEnd":  # who wants the end of the greeting hears of that
        _amd(exchange, call, _ANSWERED_BY.get(result, "human"))


def _greeting_ended(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    if _texml(call)["detect"] == "DetectMessageEnd":
        _amd(exchange, call, _GREETING.get(payload["result"], "machine_end_other"))


def _amd(exchange: Exchange, call: Call, answered_by: str) -> None:
    spent = round((exchange.now() - (call.answered_at or call.started_at)) * 1000)
    form = _connected(call) | {"AnsweredBy": answered_by, "MachineDetectionDuration": str(spent)}
    if _texml(call).pop("waits", False):
        exchange.after(0.0, call, FETCH)
    wanted = _texml(call).get("amd")
    if wanted:
        send(exchange, call, "texml.amd", form, wanted["url"], wanted["method"])
    elif _texml(call).get("status"):
        to_status_urls(exchange, call, "texml.amd", form, {"amd"})


def _recording_saved(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    id = payload["recording_id"]
    exchange.store.remove(STOPPED, id)
    kept = exchange.store.get(recordings.RECORDINGS, id) or {"duration_millis": 0}
    link = next(filter(None, payload["recording_urls"].values()), "")
    more = {"RecordingDuration": str(round(kept["duration_millis"] / 1000)), "RecordingUrl": link}
    recording(exchange, call, id, "completed", payload["channels"], more)


def _transcribed(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    id = payload["recording_id"]
    kept = exchange.store.get(recordings.RECORDINGS, id)
    wanted = _texml(call).get("recordings", {}).get(id, {})
    form = common(call) | {
        "From": call.from_number,
        "To": call.to_number,
        "CallStatus": status(call),
        "RecordingSid": id,
        "RecordingUrl": next(filter(None, recordings.links(exchange, kept).values()), "") if kept else "",
        "TranscriptionSid": payload["recording_transcription_id"],
        "TranscriptionStatus": payload["status"],
        "TranscriptionText": payload["transcription_text"],
    }
    send(exchange, call, "texml.transcription", form, wanted.get("transcription_url"))


def _joined(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    id = payload["conference_id"]
    kept, room = exchange.store.get(CONFERENCES, id), exchange.store.get(conferences.CONFERENCES, id) or {}
    if kept and not kept["started"] and room.get("status") == "in_progress":
        exchange.store.put(CONFERENCES, id, kept | {"started": True})
        conference(exchange, call, id, "conference-start", "start")
    conference(exchange, call, id, "participant-join", "join")


def _left(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    conference(exchange, call, payload["conference_id"], "participant-leave", "leave")


def _conference_ended(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    if (exchange.store.get(CONFERENCES, payload["conference_id"]) or {}).get("started"):
        conference(exchange, call, payload["conference_id"], "conference-end", "end")


def _enqueued(exchange: Exchange, call: Call, payload: JsonObject) -> None:
    form = common(call) | {
        "QueueSid": payload["queue"],
        "QueuePosition": str(payload["current_position"]),
        "QueueTime": "0",
        "AvgQueueTime": str(payload["queue_avg_wait_time_secs"]),
        "CurrentQueueSize": str(payload["current_position"]),
    }
    send(exchange, call, "texml.queue", form, _texml(call).get("wait_url"))


def _conversation(name: str) -> Callable[[Exchange, Call, JsonObject], None]:
    def told(exchange: Exchange, call: Call, payload: JsonObject) -> None:
        wanted = _texml(call).get("conversation") or {"urls": [], "method": None}
        form = _numbered(call) | {"ConversationEvent": name, "ConversationId": payload["conversation_id"]}
        kind = f"texml.{name.replace('_', '.')}"
        for url in wanted["urls"]:
            send(exchange, call, kind, form | {"Timestamp": _now(exchange)}, url, wanted["method"])

    return told


_TOLD: dict[str, Callable[[Exchange, Call, JsonObject], None]] = {
    "call.initiated": _initiated,
    "call.answered": _answered,
    "call.hangup": _hangup,
    "call.cost": _cost,
    "call.conversation.created": _conversation("conversation_created"),
    "call.conversation.ended": _conversation("conversation_ended"),
    "call.enqueued": _enqueued,
    "call.machine.detection.ended": _detected,
    "call.machine.greeting.ended": _greeting_ended,
    "call.machine.premium.detection.ended": _detected,
    "call.machine.premium.greeting.ended": _greeting_ended,
    "call.recording.saved": _recording_saved,
    "call.recording.transcription.saved": _transcribed,
    "conference.ended": _conference_ended,
    "conference.participant.joined": _joined,
    "conference.participant.left": _left,
    "conference.recording.saved": _recording_saved,
}
