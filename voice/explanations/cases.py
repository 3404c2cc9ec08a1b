"""Reads the facts of a session from a line of JSON, as cases and bundles have them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from portal.times import read_mail_time, read_time
from voice.catalogue.texml_fields import in_call_control_words
from voice.commands.products import Product
from voice.events.texml_callbacks import kind
from voice.explanations.judgement.facts import Command, Context, Event, Facts
from voice.explanations.judgement.telnyx_codes import reason_in, refusal_in

TEXML_TYPES = {
    "texml.call.initiated": "call.initiated",
    "texml.call.ringing": "call.ringing",
    "texml.call.answered": "call.answered",
    "texml.call.completed": "call.hangup",
    "texml.amd": "call.machine.detection.ended",
    "texml.gather": "call.gather.ended",
    "texml.cost": "call.cost",
}


class BadCase(ValueError):
    """Says in words what of a case cannot be read, and names the member."""


def read(case: object) -> Facts:
    """Read one case: ``events``, ``commands``, ``legs``, ``context``. ``BadCase`` names what cannot be read."""
    if not isinstance(case, dict):
        raise BadCase("a case is an object with events and commands")
    events = [_event(one, f"events[{at}]") for at, one in enumerate(_list(case, "events"))]
    commands = [_command(one, f"commands[{at}]") for at, one in enumerate(_list(case, "commands"))]
    legs = [one for one in _list(case, "legs") if isinstance(one, dict)]
    if events:  # who may not see them packs none, and of their hang-ups nothing is said
        events += asked_ends(legs, events)
    return Facts(tuple(events), tuple(commands), _context(case.get("context")))


def asked_ends(legs: Iterable[Mapping[str, Any]], events: Iterable[Event]) -> list[Event]:
    """State the ends that no event tells: Telnyx was asked, and how a call ended it says of TeXML's alone.

    ``legs`` are as REST tells them.
    """
    reported = {event.leg for event in events if event.type == "call.hangup"}
    found = list[Event]()
    for leg in legs:
        name, at = str(leg.get("call_control_id") or ""), read_time(leg.get("ended_at"))
        if leg.get("state") != "ended" or at is None or not name or name in reported:
            continue
        is_texml = leg.get("product") == Product.TEXML
        times = {"start_time": "started_at", "answered_time": "answered_at", "end_time": "ended_at"}
        payload = {told: leg[column] for told, column in times.items() if leg.get(column)}
        payload |= {name: leg[name] for name in ("to", "direction") if leg.get(name)}
        payload["ending"] = leg.get("hangup_cause") if is_texml else ""
        found.append(Event(f"end of {name}", "call.hangup", at, name, payload, is_texml=is_texml, is_asked=True))
    return found


def texml_payload(form: Mapping[str, str]) -> dict[str, Any]:
    """Return a TeXML callback in Call Control's words, with what a verdict needs beside the call's own columns."""
    told = in_call_control_words(form)
    more = {"sip_hangup_cause": "SipHangupCause", "call_duration": "CallDuration", "result": "AnsweredBy"}
    told |= {name: form[field] for name, field in more.items() if form.get(field)}
    result = str(told.get("result") or "")
    if result:
        told["result"] = {"fax": "fax_detected", "unknown": "not_sure"}.get(result, result.partition("_")[0])
    return told


def was_asked(attempt: Mapping[str, Any]) -> bool:
    """Tell whether an attempt reached Telnyx: a refusal without an answer is our own client's."""
    return attempt.get("outcome") != "refused" or attempt.get("http_status") is not None


def _list(case: dict[str, Any], name: str) -> list[Any]:
    found = case.get(name, [])
    if not isinstance(found, list):
        raise BadCase(f"{name} must be a list")
    return found


def _event(told: Any, where: str) -> Event:
    if not isinstance(told, dict):
        raise BadCase(f"{where} must be an object")
    if "form" in told:
        return _callback(told, where)
    data = told.get("data")
    payload = data.get("payload") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(payload, dict):
        raise BadCase(f"{where}.data.payload must be an object")
    event_type, meta = data.get("event_type"), told.get("meta")
    if not isinstance(event_type, str):
        raise BadCase(f"{where}.data.event_type must be a text")
    attempt = meta.get("attempt") if isinstance(meta, dict) else 1
    at = _time(data, "occurred_at", f"{where}.data")
    return Event(
        str(data.get("id") or f"{event_type} {at.isoformat()}"),
        event_type,
        at,
        str(payload.get("call_control_id") or ""),
        payload,
        read_time(told.get("received_at")),
        attempt if isinstance(attempt, int) else 1,
        told.get("source") in {"recovered", "backfill"},
    )


def _callback(told: dict[str, Any], where: str) -> Event:
    form = told["form"]
    if not isinstance(form, dict) or not all(isinstance(value, str) for value in form.values()):
        raise BadCase(f"{where}.form must be an object of texts")
    payload, named = texml_payload(form), kind(form)
    stamp = form.get("Timestamp") or form.get("EndTime") or ""
    at = read_time(stamp) or read_mail_time(stamp) or read_time(told.get("received_at"))
    if at is None:
        raise BadCase(f"{where}.form.Timestamp must be a time")
    return Event(
        "&".join(f"{name}={form[name]}" for name in sorted(form)),
        TEXML_TYPES.get(named, named),
        at,
        str(payload.get("call_control_id") or ""),
        payload,
        read_time(told.get("received_at")),
        is_texml=True,
    )


def _command(told: Any, where: str) -> Command:
    if not isinstance(told, dict):
        raise BadCase(f"{where} must be an object")
    for name in ("action", "status"):
        if not isinstance(told.get(name), str):
            raise BadCase(f"{where}.{name} must be a text")
    created = _time(told, "created_at", where)
    parameters, attempts = told.get("parameters"), told.get("attempts")
    tries = [one for one in attempts if isinstance(one, dict)] if isinstance(attempts, list) else []
    last: dict[str, Any] = tries[-1] if tries else {}
    refused, settlement = _refused(told.get("telnyx_answer")), str(told.get("settlement") or "")
    code, reason, words = refusal_in(last.get("code"), told.get("error_code"), told.get("error"), settlement)
    return Command(
        id=str(told.get("id") or f"{told['action']} {created.isoformat()}"),
        action=told["action"],
        status=told["status"],
        by=str(told.get("requested_by") or ""),
        created_at=created,
        sent_at=read_time(told.get("first_sent_at")),
        leg=str(told.get("call_control_id") or ""),
        parameters=parameters if isinstance(parameters, dict) else {},
        http_status=last.get("http_status"),
        code=code,
        reason=refused["reason"] or reason,
        pointer=refused["pointer"],
        words=words or refused["words"],
        finished_at=read_time(told.get("finished_at")),
        was_lost=any(one.get("outcome") in {None, "uncertain"} for one in tries[:-1]),
        held_since=read_time(told.get("held_since")),
        held_until=read_time(told.get("first_sent_at")) or read_time(told.get("finished_at")),
        held_why=str(told.get("held_why") or ""),
        settlement=settlement,
        was_asked=was_asked(last),
    )


def _refused(answer: Any) -> dict[str, str]:
    """Read the body of a refusal."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    listed = [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    details = [str(one.get("detail") or "") for one in listed]
    source: Any = next((one["source"] for one in listed if isinstance(one.get("source"), dict)), {})
    told = answer.get("telnyx_error") if isinstance(answer, dict) else None
    return {
        "reason": reason_in(told, *details),
        "pointer": str(source.get("pointer") or ""),
        "words": "; ".join(details),
    }


def _context(told: Any) -> Context:
    told = told if isinstance(told, dict) else {}
    breaker, application, upstream = (_object(told, name) for name in ("breaker", "application", "upstream"))
    is_held = breaker.get("state") not in {None, "closed"}
    seconds = application.get("first_command_timeout_secs")
    alive = upstream.get("alive")
    similar = told.get("similar")
    return Context(
        now=read_time(told.get("now")),
        breaker_since=read_time(breaker.get("since")) if is_held else None,
        breaker_until=read_time(breaker.get("until")) if is_held else None,
        breaker_why=str(breaker.get("why") or ""),
        first_command_seconds=float(seconds) if isinstance(seconds, int | float) else None,
        has_flow=application["flow"] is not None if "flow" in application else None,
        is_old_format=str(application.get("webhook_api_version") or "") == "1",
        is_alive=alive if isinstance(alive, bool) else None,
        same_length=len(similar) if isinstance(similar, list) else 0,
    )


def _object(told: dict[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


def _time(told: dict[str, Any], name: str, where: str) -> datetime:
    at = read_time(told.get(name))
    if at is None:
        raise BadCase(f"{where}.{name} must be a time")
    return at
