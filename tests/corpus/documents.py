"""J: bodies that are signed all right and odd inside."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.corpus.cases import CANARY_CARD, CANARY_FROM, CANARY_TO, Case, slug
from tests.support.factories import make_event

READ, KEPT, EITHER = {"processed", "ignored"}, {"quarantined"}, {"processed", "ignored", "quarantined"}
FOREIGN = "2222222222222222222"  # the connection_id of another account's application
_HOLE = '"@@"'  # where a text that json.dumps would not write goes


@dataclass(frozen=True, kw_only=True)
class Document(Case):
    """``ends`` are the statuses the event may end in; ``told`` is what its call says then, by column."""

    body: bytes
    ends: frozenset[str]
    told: tuple[tuple[str, Any], ...] = ()


def document(number: str, name: str, body: Any, ends: set[str], **told: Any) -> Document:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Document(number=number, name=name, body=raw, ends=frozenset(ends), told=tuple(told.items()))


def event(name: str, event_type: str = "call.answered", **payload: Any) -> dict[str, Any]:
    """The envelope of an event on a leg of its own, called ``name``, between the canary numbers."""
    told = make_event(event_type, leg=slug(name), **({"from": CANARY_FROM, "to": CANARY_TO} | payload))
    told["data"]["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    return told


def with_text(name: str, text: str) -> bytes:
    """An event with ``text`` as the value of one member, as it stands: it need not be JSON."""
    return json.dumps(event(name, odd="@@")).replace(_HOLE, text).encode()


def unreadable() -> Iterator[Document]:
    """J01 to J10: no JSON, or no envelope."""
    good = json.dumps(event("unreadable"))
    for number, name, body in (
        ("J01", "empty", b""),
        ("J02", "spaces", b" \r\n\t "),
        ("J03", "byte order mark", b"\xef\xbb\xbf" + good.encode()),
        ("J04", "UTF-16", good.encode("utf-16")),
        ("J04", "UTF-16 without mark", good.encode("utf-16-le")),
        ("J04", "UTF-32", good.encode("utf-32")),
        ("J05", "byte FF", with_text("ff", '"@"').replace(b"@", b"\xff")),
        ("J05", "overlong NUL", with_text("overlong", '"@"').replace(b"@", b"\xc0\x80")),
        ("J05", "CESU-8", with_text("cesu", '"@"').replace(b"@", b"\xed\xa0\xbd\xed\xb8\x80")),
        ("J06", "truncated multibyte", with_text("multibyte", '"@"').replace(b"@", b"\xf0\x9f\x98")),
        ("J07", "truncated", good[:-9].encode()),
        ("J07", "only an opening brace", b"{"),
        ("J08", "a second document behind", (good + good).encode()),
        ("J08", "a bracket behind", (good + "]").encode()),
        ("J09", "a comment", good.replace("{", "{/* why */", 1).encode()),
        ("J09", "single quotes", good.replace('"', "'").encode()),
        ("J09", "a comma behind the last member", (good[:-1] + ",}").encode()),
        ("J10", "a list", b"[1]"),
        ("J10", "null", b"null"),
        ("J10", "a text", b'"text"'),
        ("J10", "a number", b"17"),
        ("J10", "true", b"true"),
    ):
        yield document(number, name, body, KEPT)


def misread() -> Iterator[Document]:
    """J11 to J19: JSON that parsers read differently, or that a database refuses."""
    good = json.dumps(event("twice"))
    for member in ("data", "id", "event_type", "payload", "call_control_id"):
        body = good.replace(f'"{member}": ', f'"{member}": null, "{member}": ', 1)
        yield document("J11", f"{member} twice", body.encode(), KEPT)
    for name, text in (("NaN", "NaN"), ("infinity", "Infinity"), ("minus infinity", "-Infinity"), ("1e400", "1e400")):
        yield document("J12", name, with_text(name, text), KEPT)
    yield document("J13", "minus zero", with_text("zero", "-0"), READ)
    yield document("J13", "minus 0.0", with_text("zero-float", "-0.0"), READ)
    yield document("J14", "5000 digits", with_text("digits", "9" * 5000), KEPT)
    for name, number in (("2^53+1", 2**53 + 1), ("2^63", 2**63), ("-2^63-1", -(2**63) - 1)):
        odd = event(f"number j15 {number}", connection_id=number, billed_duration_secs=number)
        odd["meta"]["attempt"] = number
        yield document("J15", name, odd, READ, connection_id="")
    yield from nested()
    for name, text in (("value", r'"a\u0000b"'), ("nested value", r'{"a": [{"b": "\u0000"}]}')):
        yield document("J18", f"NUL in a {name}", with_text(f"nul {name}", text), READ)
    yield document("J18", "NUL in a key", with_text("nul key", r'{"a\u0000b": 1}'), READ)
    yield document("J18", "NUL in a number", event("nul from", **{"from": "+1312\x00"}), READ, from_number="+1312�")
    for name, text in (("high", r"\ud83d"), ("low", r"\ude00"), ("reversed", r"\ude00\ud83d")):
        yield document("J19", f"a {name} surrogate", with_text(f"surrogate {name}", f'"{text}"'), READ)


def nested() -> Iterator[Document]:
    """J16 and J17: deep and wide within the size that is taken."""
    for depth, ends in ((32, READ), (33, KEPT), (1000, KEPT), (100_000, KEPT)):
        text = "[" * (depth - 3) + "]" * (depth - 3)  # the envelope, data and payload are around it
        yield document("J16", f"{depth} deep", with_text(f"deep {depth}", text), ends)
    mixed = '{"a":[' * 500 + "]}" * 500
    yield document("J16", "1000 deep, mixed", with_text("deep mixed", mixed), KEPT)
    yield document("J16", "100000 deep, never closed", b"[" * 100_000, KEPT)
    keys = "{" + ",".join(f'"{at:x}":0' for at in range(100_000)) + "}"
    yield document("J17", "100000 keys", with_text("keys", keys), READ)
    items = "[" + "1," * 300_000 + "1]"
    yield document("J17", "300000 items", with_text("items", items), READ)
    quotes = '"' + r"\"" * 400_000 + '"'
    yield document("J17", "400000 quotes", with_text("quotes", quotes), READ)


def texts() -> Iterator[Document]:
    """J20 to J22, J36: readable, and odd to show."""
    for name, text in (("U+FFFE", "\ufffe"), ("U+FFFF", "\uffff"), ("U+10FFFF", "\U0010ffff")):
        yield document("J20", name, event(name, caller_id_name=text, **{"from": text}), READ, from_number=text)
    for name, text in (
        ("bidi override", "\u202egnp.exe"),
        ("zero width", "a\u200bb\u2060c"),
        ("combining marks", "a" + "\u0301" * 10_000),
    ):
        told = text[:255]
        yield document("J21", name, event(name, caller_id_name=text, **{"from": text}), READ, from_number=told)
    for name, text in (
        ("100 kB", "9" * 100_000),
        ("empty", ""),
        ("SIP", "sip:somebody@example.com;transport=tls"),
        ("anonymous", "anonymous"),
        ("emoji", "\U0001f4de"),
    ):
        yield document("J22", f"from {name}", event(f"from {name}", **{"from": text}), READ, from_number=text[:255])
    for at, text in enumerate(INJECTIONS):
        name = f"injection {at}"
        body = event(
            name,
            "call.hangup",
            hangup_cause=text,
            caller_id_name=text,
            client_state=text,
            tags=[text],
            **{"from": text},
        )
        yield document("J36", name, body, READ, from_number=text, hangup_cause=text[:100])


INJECTIONS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</pre><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    '" autofocus onfocus=alert(1) x="',
    "{{constructor.constructor('alert(1)')()}}",
    "{{ 7*7 }}{% debug %}{{ settings.SECRET_KEY }}",
    "${7*7}#{7*7}<%= 7*7 %>",
    "=cmd|' /C calc'!A0",
    "+SUM(1;1)",
    "-2+3",
    '@HYPERLINK("http://x.example")',
    "\tTAB=1",
    '\r\n{"level": "error", "event": "forged"}',
    "\x1b[31mred\x1b]0;title\x07",
    "'; DROP TABLE voice_call; --",
    "%00%0d%0aSet-Cookie: a=b",
)


def envelopes() -> Iterator[Document]:
    """J23 to J29: members that are missing, odd or of another time."""
    for member in ("id", "event_type", "payload", "occurred_at"):
        body = event(f"without {member}")
        del body["data"][member]
        yield document("J23", f"without {member}", body, READ if member == "occurred_at" else KEPT)
    yield document("J23", "without data", {"meta": {"attempt": 1}}, KEPT)
    for name, text, ends in (
        ("unknown", "call.levitated", READ),
        ("payment under way", "call.payment.progress", READ),
        ("upper case", "CALL.HANGUP", KEPT),
        ("empty", "", KEPT),
        ("10 kB", "call." + "a" * 10_000, KEPT),
        ("line break", "call.hangup\n", KEPT),
    ):
        yield document("J25", f"type {name}", event(f"type {name}") | _typed(f"type {name}", text), ends)
    for name, odd in (("no UUID", "1293384261075731499"), ("a number", 17), ("null", None), ("empty", "")):
        body = event(f"id {name}")
        body["data"]["id"] = odd
        yield document("J26", f"id {name}", body, KEPT)
    now = datetime.now(UTC)
    for name, moment in (
        ("without zone", now.replace(tzinfo=None).isoformat()),
        ("year 1", "0001-01-01T00:00:00Z"),
        ("year 1 east", "0001-01-01T00:00:00+14:00"),
        ("year 9999", "9999-12-31T23:59:59.999999Z"),
        ("year 9999 west", "9999-12-31T23:59:59-12:00"),
        ("30 February", "2026-02-30T00:00:00Z"),
        ("leap second", "2016-12-31T23:59:60Z"),
        ("next year", (now + timedelta(days=366)).isoformat()),
        ("1970", "1970-01-01T00:00:00Z"),
        ("a number", 1_767_225_600),
        ("words", "yesterday"),
    ):
        body = event(f"at {name}", start_time=moment, end_time=moment)
        body["data"]["occurred_at"] = moment
        yield document("J28", f"at {name}", body, READ)
    flat = {"record_type": "event", "event_type": "call_answered", "created_at": now.isoformat(), "payload": {}}
    yield document("J29", "version 1", flat, KEPT)
    yield document("J29", "version 1, dotted, with webhook_id", flat | {"event_type": "call.answered"}, KEPT)


def _typed(name: str, text: str) -> dict[str, Any]:
    return {"data": event(name)["data"] | {"event_type": text}}


def payloads() -> Iterator[Document]:
    """J30 to J35: members of the payload that lie."""
    yield document("J30", "connection unknown", event("connection unknown", connection_id="1111111111111111111"), READ)
    yield document("J30", "connection a number", event("connection 17", connection_id=17), READ, connection_id="")
    yield document("J30", "connection of another account", event("connection foreign", connection_id=FOREIGN), KEPT)
    for name, odd in (
        ("500 kB", "v3:" + "a" * 500_000),
        ("climbing", "../../v2/calls"),
        ("escaped slash", "v3:%2F..%2Fcalls"),
        ("line break", "v3:a\r\nHost: x"),
        ("a list", ["v3:a"]),
    ):
        yield document("J31", f"call_control_id {name}", event(f"control {name}", call_control_id=odd), READ)
    for name, odd in (
        ("no base64", "%%%"),
        ("1 MB", "A" * 900_000),
        ("a pickle", "gASVHAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjANpZJSFlFKULg=="),
        ("an object", {"a": 1}),
    ):
        yield document("J32", f"client_state {name}", event(f"state {name}", client_state=odd), READ)
    headers: list[Any] = [{"name": f"X-{at}", "value": "a\r\nb<b>"} for at in range(10_000)]
    yield document("J33", "10000 SIP headers", event("headers", sip_headers=[*headers, {"name": None}, None, 1]), READ)
    for at, url in enumerate(ADDRESSES):
        body = event(
            f"recording {at}", "call.recording.saved", recording_urls={"mp3": url}, public_recording_urls=[url]
        )
        yield document("J34", f"recording {at}", body, READ)
    pressed = event("card", "call.gather.ended", digits=f"{CANARY_CARD}#123", status="valid")
    yield document("J35", "a card's number", pressed, READ)


ADDRESSES = (
    "http://169.254.169.254/latest/meta-data/",
    "http://[::1]:8000/admin/",
    "http://2130706433/",
    "http://0177.0.0.1/",
    "http://user@127.0.0.1/",
    "http://rebind.example/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "gopher://127.0.0.1:6379/_FLUSHALL",
)


def documents() -> Iterator[Document]:
    """Every case that is one body. J24, J26's twins and J27 are more than one: see ``fuzzed`` and ``twins``."""
    for generator in (unreadable, misread, texts, envelopes, payloads):
        yield from generator()


@dataclass(frozen=True, kw_only=True)
class Twins(Case):
    """Two bodies of one event: whichever comes first is worked off. ``variant`` says that the other one is kept too."""

    first: bytes
    second: bytes
    variant: bool = False


def twins() -> Iterator[Twins]:
    """J26 and J27, and S19: the same event once more."""
    for number, name, variant in (
        ("S19", "the same bytes", False),
        ("J26", "the nil id", False),
        ("J26", "the id in upper case", False),
        ("J27", "another attempt", False),
        ("J27", "other data", True),
    ):
        first = event(f"twin {name}")
        if name == "the nil id":
            first["data"]["id"] = str(uuid.UUID(int=0))
        second = json.loads(json.dumps(first))
        if name == "the id in upper case":
            second["data"]["id"] = first["data"]["id"].upper()
        if name == "another attempt":
            second["meta"]["attempt"] = 2
        if name == "other data":
            second["data"]["payload"]["from"] = CANARY_TO
        bodies = {"first": json.dumps(first).encode(), "second": json.dumps(second).encode()}
        yield Twins(number=number, name=name, variant=variant, **bodies)


def fuzzed(whole: dict[str, Any]) -> Iterator[Document]:
    """J24: ``whole`` with each of its leaves replaced by a value of every other type."""
    event_type = whole.get("data", whole)["event_type"]
    for path in _leaves(whole):
        for odd in (None, [{}], {"a": [1]}, True, -1.5, "text"):
            name = f"{event_type} {'.'.join(map(str, path))} {json.dumps(odd)}"
            changed = json.loads(json.dumps(whole))
            changed.get("data", changed)["id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
            at = changed
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = odd
            yield document("J24", name, changed, EITHER)


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in members:
        yield (*path, name)
        yield from _leaves(item, (*path, name))
