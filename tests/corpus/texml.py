"""X19 and X20: TeXML's callbacks, which are forms."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode

from tests.corpus.cases import CANARY_FROM, CANARY_TO, slug
from tests.corpus.documents import INJECTIONS, KEPT, READ, Document, document
from tests.corpus.transport import Exchange, Wire
from tests.support.factories import CONNECTION


def form(name: str, **fields: str) -> dict[str, str]:
    """A status callback of a call of its own, ``name``, that has been answered."""
    told = {
        "CallSid": f"v3:texml-{slug(name)}",
        "ConnectionId": CONNECTION,
        "From": CANARY_FROM,
        "To": CANARY_TO,
        "CallStatus": "in-progress",
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "2",
    }
    return told | fields


def _encoded(name: str) -> bytes:
    return urlencode(form(name)).encode()


def forms() -> Iterator[Document]:
    """Signed forms, and what is sent in place of one."""
    yield document("X19", "a callback", _encoded("good"), READ, state="answered", from_number=CANARY_FROM)
    yield document("X19", "empty values", urlencode(form("empty", CallerId="", From="")).encode(), READ, from_number="")
    without = form("nobody")
    del without["CallSid"]
    for name, body in (
        ("no CallSid", urlencode(without).encode()),
        ("an empty CallSid", urlencode(form("no sid", CallSid="")).encode()),
        ("a CallSid that climbs", urlencode(form("climbs", CallSid="../../v2/calls")).encode()),
        ("CallSid twice", _encoded("twice") + b"&CallSid=v3:other"),
        ("CallStatus twice", _encoded("status twice") + b"&CallStatus=completed"),
        ("twice by another spelling", _encoded("spelt") + b"&Call%53id=v3:other"),
        ("10000 fields", _encoded("fields") + b"".join(b"&f%d=1" % at for at in range(10_000))),
        ("10000 ampersands", _encoded("ampersands") + b"&" * 10_000),
        ("JSON", b'{"data": {}}'),
        ("one space", b" "),
        ("a megabyte of percent signs", b"%" * 1_000_000),
    ):
        yield document("X19", name, body, KEPT)
    for name, bad in (("no value", b"Digits"), ("no UTF-8", b"Digits=%ff%fe"), ("an overlong NUL", b"Digits=%c0%80")):
        yield document("X19", name, _encoded(name) + b"&" + bad, READ, state="answered")
    nul = urlencode(form("nul", CallerId="a\x00b", From="+1312\x00")).encode()
    yield document("X19", "NUL", nul, READ, from_number="+1312\ufffd")
    long = urlencode(form("long", SpeechResult="9" * 900_000)).encode()
    yield document("X19", "a field of 900 kB", long, READ, state="answered")
    for at, text in enumerate(INJECTIONS):
        name = f"texml injection {at}"
        yield document("X19", name, urlencode(form(name, From=text, CallerId=text)).encode(), READ, from_number=text)


def requests(wire: Wire) -> Iterator[Exchange]:
    """Forms that nobody signed, or by another method; ``wire`` writes to an address for TeXML."""
    told = urlencode(form("unsigned", CallStatus="completed"))
    plain = f"{{}} {wire.path}{{}} HTTP/1.1\r\nHost: {wire.host}\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded\r\n"
    for number, name, head, body, status in (
        ("X20", "unsigned", plain.format("POST", "") + kind, told, 400),
        ("X20", "told in the query, unsigned", plain.format("POST", f"?{told}") + kind, "", 400),
        ("X20", "fetched, unsigned", plain.format("GET", f"?{told}"), "", 405),
    ):
        sent = f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        yield Exchange(number=number, name=name, sent=(sent,), statuses=frozenset({status}))
    signed = wire.head(b"", "Content-Length: 0", method="GET", target=f"{wire.path}?{told}")
    yield Exchange(number="X20", name="fetched, signed for an empty body", sent=(signed,), statuses=frozenset({405}))
    query = wire.head(b"", "Content-Length: 0", target=f"{wire.path}?{told}")
    yield Exchange(number="X20", name="told in the query, signed for nothing", sent=(query,), statuses=frozenset({200}))
    for name, path in (
        ("another way", "texml/../call-control/"),
        ("NUL", "texml/%00"),
        ("escaped", quote("texml/\r\n")),
    ):
        target = wire.path.partition("texml")[0] + path
        sent = wire.post(told.encode(), target=target)
        yield Exchange(number="X20", name=f"{name} in the address", sent=(sent,), statuses=frozenset({200, 400, 404}))
