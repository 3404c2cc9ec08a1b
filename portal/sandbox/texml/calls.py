"""Serves TeXML calls: ``/texml/Accounts/{account_sid}/Calls``, ``/texml/calls/{application}``, ``/texml/ai_calls/…``.

All ways to dial end in the same call, which Call Control's ``GET /calls/{call_control_id}`` tells of as well.
"""

import re
from typing import Any

from portal.json_types import JsonObject
from portal.sandbox.calls import call_events, callees, calls, limits
from portal.sandbox.calls.commands import already_ended, check_number
from portal.sandbox.conferences import conferences, queues
from portal.sandbox.core import events
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.exchange import TEXML, Exchange
from portal.sandbox.core.requests import Request
from portal.sandbox.core.store import Call
from portal.sandbox.texml import callbacks, legs, listings, parameters
from portal.sandbox.texml.accounts import mail_time, resource_not_found, uri

At = tuple[str, ...]
_REQUIRED = ("To", "From", "ApplicationSid")
_OVER = ("canceled", "completed", "failed", "busy", "no-answer")
_DETECTIONS = {
    ("Enable", "Regular"): "detect",
    ("DetectMessageEnd", "Regular"): "detect_beep",
    ("Enable", "PremiumCallScreening"): "premium_ios_call_screening_detection",
    ("DetectMessageEnd", "PremiumCallScreening"): "premium_ios_call_screening_detection",
}
_AMERICAN = re.compile(r"\+1([0-9]{3})([0-9]{3})([0-9]{4})", re.ASCII)


def dial(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Dial. The document names no ``call_sid`` in this answer; integrators found one there."""
    body = parameters.read(request, "texml.accounts.calls.calls", required=_REQUIRED)
    return _queued(_dial(exchange, body["ApplicationSid"], "/ApplicationSid", body, body.get("UrlMethod")))


def create(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Dial for the application in the path."""
    body = parameters.read(request, "texml.calls.create", required=("From", "To"))
    return _queued(_dial(exchange, at[0], "/connection_id", body, body.get("Method")))


def start_ai_call(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Dial, and let an assistant speak with whoever answers."""
    body = parameters.read(request, "texml.initiate_ai_call", required=("AIAssistantId", "From", "To"))
    urls = _urls(body, "ConversationCallback")
    told = {"urls": urls, "method": body.get("ConversationCallbackMethod")}
    call = place(exchange, at[0], "/connection_id", body, conversation=told)
    call.options["assistant"] = {"id": body["AIAssistantId"]}
    return _queued(call)


def place(exchange: Exchange, application_id: str, pointer: str, body: JsonObject, **more: Any) -> Call:
    """Start an outgoing leg as ``body`` asks; ``more`` is what else a TeXML leg is to remember."""
    numbers = check_number(body, "From"), check_number(body, "To")
    application = exchange.store.application(TEXML, application_id)
    if not application or not application["active"]:
        detail = "There is no active TeXML application with this id."
        raise unprocessable("10015", "Invalid value for connection_id (TeXML App ID)", detail, pointer)
    callees.check_allowed(exchange, *numbers, "/To")
    limits.check(exchange, application, numbers[1])
    kept = legs.settings(status=_status_wanted(body, application), detect=body.get("MachineDetection")) | more
    kept["waits"] = body.get("MachineDetection", "Disable") != "Disable" and not body.get("AsyncAmd")
    if url := body.get("AsyncAmdStatusCallback") or body.get("AmdStatusCallback"):
        method = body.get("AsyncAmdStatusCallbackMethod") or body.get("AmdStatusCallbackMethod")
        kept["amd"] = {"url": url, "method": method}
    call = calls.start(exchange, application_id, "outgoing", numbers, _in_call_control_words(body), texml=kept)
    if id := call.options.get("recording_id"):
        call.options["record_initiated_by"] = "OutboundAPI"
        kept["recordings"][id] = recording_wanted(body, "OutboundAPI")
    call_events.note_command(exchange, call, "dial", {})
    return call


def recording_wanted(body: JsonObject, source: str, prefix: str = "") -> JsonObject:
    """Return where the callbacks of a recording go, and which of them."""
    name = f"{prefix}RecordingStatusCallback"
    wanted = parameters.words(body, f"{name}Event", "completed")
    return {
        "url": body.get(name),
        "method": body.get(f"{name}Method"),
        "events": ["absent" if event == "failed" else event for event in wanted],
        "send_url": body.get("SendRecordingUrl", True),
        "source": source,
        "track": body.get("RecordingTrack", "both"),
    }


def list_page(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """Return one page, newest first. At Telnyx this list is eventually consistent; here it knows everything at once."""
    found = [call for id in exchange.store.texml_calls() if (call := exchange.call(id))]
    query = request.query
    if "Status" in query and query["Status"] not in _OVER:
        detail = f"Status must be one of {', '.join(_OVER)}"
        raise unprocessable("10032", "Invalid enumerated value", detail, "/Status")
    found = [
        call
        for call in found
        if query.get("To") in (None, call.to_number)
        and query.get("From") in (None, call.from_number)
        and query.get("Status") in (None, callbacks.status(call))
    ]
    rows: list[JsonObject] = [
        {"sid": call.call_control_id, "started": call.started_at, "ended": call.ended_at, "call": call}
        for call in found
    ]
    rows = listings.in_days(rows, request, StartTime="started", EndTime="ended")
    as_json = lambda row: resource(exchange, row["call"], at[0])  # noqa: E731
    return listings.page(rows, request, "calls", uri(at[0], "Calls"), as_json)


def retrieve(exchange: Exchange, request: Request, at: At) -> JsonObject:
    return resource(exchange, known(exchange, at[1]), at[0])


def update(exchange: Exchange, request: Request, at: At) -> JsonObject:
    """End the call, or have it fetch other instructions: it leaves whatever conference or queue it was in."""
    call = known(exchange, at[1])
    body = parameters.read(request, "texml.accounts.calls.update", choices={"Status": ("completed",)})
    if not {"Status", "Url", "Texml"} & set(body):
        raise parameters.blank("Url")
    _check_one_document(body)
    if not call.alive:
        raise already_ended()
    assert call.texml is not None
    if "StatusCallback" in body:
        before = call.texml["status"] or {"events": ["completed"]}
        told = {"urls": [body["StatusCallback"]], "method": body.get("StatusCallbackMethod")}
        call.texml["status"] = before | told
    if body.get("Status"):
        calls.hang_up(exchange, call)
    else:
        wanted = _instructions(body, body.get("Method"))
        call.texml["instructions"] = wanted
        call.options.pop("conference_config", None)
        if call.state == "answered":
            conferences.hang_up(exchange, call)
            queues.dequeue(exchange, call, "leave")
            legs.fetch(exchange, call, wanted)
    return resource(exchange, call, at[0])


def known(exchange: Exchange, sid: str, *, alive: bool = False) -> Call:
    """Return the TeXML call of that id, or 404; with ``alive`` also for one that is over."""
    call = exchange.call(sid)
    if call is None or call.texml is None or (alive and not call.alive):
        raise resource_not_found()
    return call


def resource(exchange: Exchange, call: Call, account_sid: str) -> JsonObject:
    """Return a call as TeXML tells it. What is not known yet is left out."""
    assert call.texml is not None
    is_priced = call.ended_at and exchange.application(call).get("call_cost_in_webhooks")
    members: JsonObject = {
        "sid": call.call_control_id,
        "account_sid": account_sid,
        "from": call.from_number,
        "from_formatted": _formatted(call.from_number),
        "to": call.to_number,
        "to_formatted": _formatted(call.to_number),
        "caller_name": call.caller_id_name or call.from_number,
        "direction": "inbound" if call.direction == "incoming" else "outbound",
        "status": callbacks.status(call),
        "date_created": mail_time(call.started_at),
        "date_updated": mail_time(call.ended_at or call.answered_at or call.started_at),
        "start_time": mail_time(call.started_at),
        "end_time": mail_time(call.ended_at) if call.ended_at else None,
        "duration": callbacks.duration(call) if call.ended_at else None,
        "answered_by": call.texml["answered_by"],
        "price": events.payload(call, "call.cost", {})["total_cost"] if is_priced else None,
        "price_unit": "USD" if is_priced else None,
        "uri": uri(account_sid, "Calls", call.call_control_id),
    }
    return {name: value for name, value in members.items() if value is not None}


def _dial(exchange: Exchange, application_id: str, pointer: str, body: JsonObject, method: str | None) -> Call:
    _check_one_document(body)
    return place(exchange, application_id, pointer, body, instructions=_instructions(body, method))


def _check_one_document(body: JsonObject) -> None:
    if "Url" in body and "Texml" in body:
        raise unprocessable("10015", "Invalid parameter", "Give one of Url and Texml, not both.", "/Texml")


def _instructions(body: JsonObject, method: str | None) -> JsonObject:
    return {
        "url": body.get("Url"),
        "method": method,
        "fallback_url": body.get("FallbackUrl"),
        "fallback_method": body.get("FallbackMethod"),
        "inline": body.get("Texml"),
    }


def _status_wanted(body: JsonObject, application: JsonObject) -> JsonObject | None:
    """Return where the callbacks of progress go, and which; None if the application's address is told of all."""
    urls = _urls(body, "StatusCallback")
    if "SuperviseCallSid" in body:  # of a supervising leg nothing is told
        urls = []
    elif not urls and "StatusCallbackEvent" not in body:
        return None
    own = application["status_callback"]
    events = parameters.words(body, "StatusCallbackEvent", "completed")
    more = {"events": events, "method": body.get("StatusCallbackMethod")}
    return more | {"urls": urls or ([own] if own and "SuperviseCallSid" not in body else [])}


def _urls(body: JsonObject, name: str) -> list[str]:
    return [*body.get(f"{name}s", []), *([body[name]] if name in body else [])]


def _in_call_control_words(body: JsonObject) -> JsonObject:
    words: JsonObject = {
        "timeout_secs": body.get("Timeout"),
        "time_limit_secs": body.get("TimeLimit"),
        "from_display_name": body.get("CallerId"),
        "custom_headers": body.get("CustomHeaders"),
    }
    if detection := machine_detection(body.get("MachineDetection"), body.get("DetectionMode")):
        words["answering_machine_detection"] = detection
    if body.get("Record"):
        channels = "dual" if body.get("RecordingChannels") == "dual" else "single"
        words |= {"record": "record-from-answer", "record_channels": channels}
    return {name: value for name, value in words.items() if value is not None}


def machine_detection(wanted: str | None, mode: str | None) -> str | None:
    """Return Call Control's word for how a machine is told from a person; None if it is not."""
    if wanted in (None, "Disable"):
        return None
    return _DETECTIONS.get((wanted or "", mode or "Regular"), "premium")


def _queued(call: Call) -> JsonObject:
    return {"from": call.from_number, "to": call.to_number, "status": "queued", "call_sid": call.call_control_id}


def _formatted(number: str) -> str:
    return _AMERICAN.sub(r"(\1) \2-\3", number) if _AMERICAN.fullmatch(number) else number
