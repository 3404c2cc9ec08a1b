"""A data set with a caller's number, each another one, in every place that can hold one; and what finds them again."""

import base64
import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote_plus

from django.db import models

from portal.models import AuditEvent, TelnyxAccount
from portal.saved_filters import SavedFilter
from tests.badinput.rows import LEG, QUEUE
from voice.models import (
    Call,
    CallCommand,
    CallEvent,
    Conference,
    ConferenceParticipant,
    Replay,
    ReplayLine,
    TexmlCase,
)

SHORTEST = 7  # as many digits in a row as tell a number
# Columns with ids, words of ours or of Telnyx's, and what people set up: no place for a caller's number.
_NOT_A_CALLERS = {
    *("call_control_id", "call_leg_id", "call_session_id", "connection_id", "conference_id", "dedupe_key", "event_id"),
    *("event_type", "intent_key", "action", "kind", "code", "reason", "link", "hangup_cause", "hangup_source", "step"),
    *("sip_hangup_cause", "direction", "state", "status", "error_code", "object_type", "object_id", "request_id"),
    *("parent_control_id", "cost", "currency", "attestation", "screening"),
    *("recording_id", "transcription_id", "channels", "format", "source", "peaks", "peaks_error"),
    *("caller", "steps"),  # of a test case, which has a shape of its own: below
    *(
        "address",
        "query",
        "listing",
        "recent",
        "key",
        "path",
        "asked",
        "calls",
        "attempts",
        "header_names",
        "selection",
    ),
    *(
        "key",
        "counts",
        "allowed_countries",
        "allowed_sip_hosts",
        "egress_hosts",
        "allowed_prefixes",
        "allowed_sip_hosts",
        "blocked_prefixes",
        "egress_hosts",
        "until",
        "scopes",
        "hint",
        "queue_name",
    ),
    *("history_change_reason", "history_type", "values", "targets", "field", "facts", "by", "Flow.name", "subject"),
    *("TexmlDocument.name", "TexmlDocument.token", "TexmlVersion.digest"),
}


class Places:
    """Gives each place a number of its own, and tells which of them a text holds."""

    def __init__(self) -> None:
        self.numbers: dict[str, str] = {}
        self._places: dict[str, str] = {}  # by each seven digits in a row

    def number(self, place: str) -> str:
        """Return the digits for ``place``: twelve, of a block that nothing else here has."""
        if place not in self.numbers:
            self.numbers[place] = f"88{3_917_305_711 + 86_028_157 * len(self.numbers) % 5_900_000_000}"
            self._places |= dict.fromkeys(_parts(self.numbers[place]), place)
        return self.numbers[place]

    def found_in(self, text: str) -> set[str]:
        """Return the places whose number, or seven digits of it in a row, stands in ``text`` in whatever writing."""
        return {self._places[part] for run in _digit_runs(text) for part in _parts(run) if part in self._places}


def _parts(digits: str) -> Iterator[str]:
    return (digits[at : at + SHORTEST] for at in range(len(digits) - SHORTEST + 1))


_NO_NUMBER = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b|\b[0-9a-f]{64}\b|csrftoken=\w+"  # ids, digests
    r"|20\d\d-\d\d-\d\d(?:[T ]|&nbsp;)?(?:\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?|\d\d:\d\d:\d\d(?:\.\d+)?"  # times
    r"|data-since=\"\d+\""  # times, as seconds since 1970: by accident they may have digits of a number
    r"|<(?:path|svg|circle|rect)\b[^>]*>|(?:\bd|viewBox|points)=\"[^\"]*\""  # drawings
    r"|#[0-9a-f]{3,8}\b|csrfmiddlewaretoken\" value=\"\w+\"",
    re.IGNORECASE,
)


def _digit_runs(text: str) -> Iterator[str]:
    for written in (text, *_decoded(text)):
        plain = unicodedata.normalize("NFKC", _NO_NUMBER.sub(" x ", unquote_plus(written)))
        for run in re.findall(r"\d(?:[^\w<>\"'{}\[\],:;=•]{0,3}\d)+", plain):
            digits = "".join(str(unicodedata.digit(one)) for one in run if one.isdigit())
            if len(digits) >= SHORTEST:
                yield digits
                yield digits[::-1]


def _decoded(text: str) -> Iterator[str]:
    for token in set(re.findall(r"[A-Za-z0-9+/_\-]{10,}={0,2}", text)):
        bare = token.rstrip("=").replace("-", "+").replace("_", "/")
        for start in {0, max(bare.rfind("/"), 0)}:
            part = bare[start:]
            try:
                yield base64.b64decode(part + "=" * (-len(part) % 4), validate=True).decode()
            except (ValueError, UnicodeDecodeError):
                continue


def payload(places: Places, of: str) -> dict[str, Any]:
    """A payload with a number under each name, and in each writing, that callers, carriers and people put it in."""

    def number(place: str) -> str:
        return places.number(f"{of} {place}")

    spaced = number("spaced")
    return {
        "from": f"+{number('from')}",
        "to": number("bare"),
        "caller_id_name": f"Ada {number('CNAM')}",
        "caller_id_number": number("caller id"),
        "From": f"+{number('TeXML From')}",
        "CallerId": number("TeXML CallerId"),
        "ToSipUri": f"sip:{number('TeXML SIP')}@pbx.example",
        "SpeechResult": f"call {number('TeXML speech')}",
        "direction": "incoming",
        "state": "parked",
        "anything": f"{spaced[:3]} {spaced[3:6]}-{spaced[6:]}",
        "link": f"tel:{number('tel')}",
        "contact": f'"Ada" <sip:{number("SIP")}@{number("SIP host")}.example;user=phone>',
        "as_int": int(number("integer")),
        "client_state": base64.b64encode(f'{{"tel": "{number("client state")}"}}'.encode()).decode(),
        "custom_headers": [{"name": "P-Asserted-Identity", "value": f"<sip:{number('header')}@x>"}],
        "sip_headers": {"Diversion": f"<tel:{number('header by name')}>"},
        "transcription_data": {"transcript": f"my number is {number('transcript')}", "confidence": 0.9},
        "message_history": [{"role": "user", "content": f"{number('message')}"}],
        "result": {"phone": number("AI result"), "name": f"Ada {number('AI name')}"},
        "digits": number("digits"),
        "payment_card_number": number("card"),
        "recording_urls": {"mp3": f"https://media.example/{number('recording')}.mp3?signature=x"},
        "payload": f"Call +{number('speech')} back",
        "audio_url": f"https://media.example/play?to=%2B{number('audio URL')}",
        "tags": [f"caller {number('tag')}"],
        "media_name": f"greeting-{number('media name')}",
        "status": f"done for +{number('status')}",
        "reason": f"{number('reason')} is busy",
        "name": f"room {number('name')}",
        "connection_id": "1293384261075731499",
        "hangup_cause": f"{number('enumeration')}",
        number("member name"): 1,
        "deep": [[{"deeper": [f"x{number('deep')}"]}]],
        "wide_digits": "".join(chr(ord("０") + int(one)) for one in number("wide digits")),
        "encoded": quote(f"+{number('percent')}"),
    }


def fill(made: dict[Any, Any], places: Places) -> None:
    """Write a number into every column of every row of ``made`` that can hold one."""
    for model, row in made.items():
        if model is SavedFilter or (model._meta.app_label == "voice" and "Historical" not in model.__name__):
            values = {field.attname: _value(field, places) for field in model._meta.concrete_fields if _holds(field)}
            model._default_manager.filter(pk=row.pk).update(**values)
    note = AuditEvent(actor=f"rule: {places.number('audit actor')}", action="call.dial", object_type="voice.call")
    note.object_label = f"call of {places.number('audit label')}"
    note.details = payload(places, "audit details")
    note.save()
    made[AuditEvent] = note
    told = json.dumps({"data": {"payload": payload(places, "raw body")}}, ensure_ascii=False)
    number_from, number_to = f"+{places.number('Call.from_number')}", f"sip:{places.number('Call.to_number')}@x.example"
    Call.objects.filter(pk=made[Call].pk).update(
        from_number=number_from, to_number=number_to, from_reversed=number_from[::-1], to_reversed=number_to[::-1]
    )
    CallEvent.objects.filter(pk=made[CallEvent].pk).update(
        body=told.encode(), call=made[Call].pk, conference=made[Conference].pk, status="dead", event_type="call.odd"
    )
    CallCommand.objects.filter(pk=made[CallCommand].pk).update(
        call=made[Call].pk, status="refused", queue_name=QUEUE, conference=made[Conference].pk, batch=None
    )
    ConferenceParticipant.objects.filter(pk=made[ConferenceParticipant].pk).update(
        call=made[Call].pk, call_control_id=made[Call].call_control_id
    )
    Replay.objects.filter(pk=made[Replay].pk).update(started_at=None)
    ReplayLine.objects.filter(pk=made[ReplayLine].pk).update(is_rehearsed=True, kind="call")
    line = ReplayLine.objects.get(pk=made[ReplayLine].pk)
    line.pk, line.kind, line.key = None, "event", "another"
    line.save()
    said, caller = f"Calls +{places.number('a case')}, for 30 s", {"From": f"+{places.number('a caller')}"}
    steps = [{"do": "call", "lines": [said]}, {"do": f"press {places.number('keys of a case')}", "lines": [said]}]
    TexmlCase.objects.filter(pk=made[TexmlCase].pk).update(steps=steps, caller=caller)
    listing = "applications.callcontrolapplication"
    SavedFilter.objects.filter(pk=made[SavedFilter].pk).update(shared=True, listing=listing, query="q=row")
    for row in (Call, CallEvent, CallCommand):
        made[row].refresh_from_db()


def _holds(field: Any) -> bool:
    kinds = (models.CharField, models.TextField, models.JSONField)
    is_place = isinstance(field, kinds) and not field.choices and not field.is_relation and not field.primary_key
    return (
        is_place
        and not {field.name, f"{field.model.__name__}.{field.name}"} & _NOT_A_CALLERS
        and getattr(field, "max_length", None) not in range(1, 20)
    )


def _value(field: Any, places: Places) -> Any:
    place = f"{field.model.__name__}.{field.name}"
    if isinstance(field, models.JSONField):
        if field.name == "about":
            return {"from": f"+{places.number(place)}", "to": places.number(f"{place} to")}
        if field.name == "changes":
            return {"from_number": ["", places.number(place)], "tags": ["", [f"x {places.number(f'{place} tags')}"]]}
        if field.name == "when":
            return [{"field": "event.payload.from", "op": "eq", "value": f"+{places.number(place)}"}]
        if field.name == "do":
            return [{"action": "transfer", "parameters": {"to": f"+{places.number(place)}"}}]
        if field.name == "others":
            return [_listed(place, source, places) for source in ("texml_calls", "texml_conferences", "texml_queues")]
        return [f"caller {places.number(place)}"] if field.default is list else payload(places, place)
    if field.name == "client_state":
        return base64.b64encode(f"tel {places.number(place)}".encode()).decode()
    return f"of {places.number(place)}"[: field.max_length]


def _listed(place: str, source: str, places: Places) -> dict[str, Any]:
    """What the live board keeps of a list of Telnyx's."""
    names = {"texml_calls": ("from", "to"), "texml_conferences": ("id", "name")}.get(source, ("id",))
    row = {name: f"Ada {places.number(f'{place} {source} {name}')}" for name in names}
    error = f"of {places.number(f'{place} {source} error')}"
    return {
        "source": source,
        "rows": [row | {"sid": "v3:listed", "status": "ringing"}],
        "complete": True,
        "error": error,
    }


def telnyx_answers(places: Places) -> dict[str, Any]:
    """What a Telnyx says that is asked about calls, queues, conferences and deliveries."""

    def row(of: str, **more: Any) -> dict[str, Any]:
        return payload(places, of) | {"id": "428c31b6-abf3-3bc1-b7f4-5013ef9657c1", "call_control_id": "v3:row"} | more

    event = {"event_type": "call.initiated", "payload": payload(places, "Telnyx's record")}
    entry = {"type": "webhook", "name": "call.initiated", "metadata": {"status": "delivered", "event": event}}
    return {
        "call_events": [entry | {"event_timestamp": "2026-11-20T09:00:00Z"}],
        "active_calls": [row("active calls")],
        "queues": [row("queues", current_size=1)],
        QUEUE: row("queue", current_size=1),
        "conferences": [row("conferences")],
        "participants": [row("participants")],
        "calls": [row("waiting calls", queue_position=1)],
        "webhook_deliveries": [],
        "texml": _texml(places),
        "other": 404,
    }


def _texml(places: Places) -> dict[str, Any]:
    """One answer for each of TeXML's addresses: a resource, and a page of every list."""

    def row(of: str, sid: str) -> dict[str, Any]:
        number = places.number(f"{of} SID") if sid == "number" else ""
        told = {"sid": f"line-{number}" if number else sid, "call_sid": LEG}
        told["media_url"] = f"https://media.example/{places.number(f'{of} media')}.mp3?signature=x"
        told["transcription_text"] = f"call me: {places.number(f'{of} text')}"
        told["label"] = told["friendly_name"] = f"Ada {places.number(f'{of} label')}"
        return told | payload(places, of) | {"date_created": "Sat, 28 Nov 2026 09:00:00 +0000"}

    lists = ("calls", "conferences", "participants", "queues", "recordings", "transcriptions")
    page = {name: [row(f"TeXML {name}", LEG), row(f"TeXML {name} by number", "number")] for name in lists}
    return row("TeXML resource", LEG) | page


def own_account(account: TelnyxAccount, url: str) -> None:
    """Points the account at that Telnyx."""
    TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{url}/v2")
