"""R: what clients of the API may send. Bodies and values; the tests put them wherever they can stand."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.corpus import documents
from tests.corpus.cases import CANARY_SECRET, Case


@dataclass(frozen=True, kw_only=True)
class Body(Case):
    """A body that is to be refused whatever it is sent to."""

    body: bytes
    content_type: str = "application/json"
    statuses: frozenset[int] = frozenset({400})


@dataclass(frozen=True, kw_only=True)
class Query(Case):
    """The escaped value of a query parameter or of a part of the path."""

    text: str
    statuses: frozenset[int] = frozenset({400, 404})


@dataclass(frozen=True, kw_only=True)
class Credentials(Case):
    """Headers and query of somebody who is not let in."""

    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""


# J13, J15, J17 and 32 levels are JSON: odd only where a webhook's payload is looked at
_READABLE = (
    "minus zero",
    "minus 0.0",
    "2^53+1",
    "2^63",
    "-2^63-1",
    "32 deep",
    "100000 keys",
    "300000 items",
    "400000 quotes",
)


def malformed() -> Iterator[Body]:
    """R05 to R09: the unreadable ones among the webhooks' documents, and what is too large or no JSON at all."""
    for case in (*documents.unreadable(), *documents.misread()):
        if case.number > "J04" and case.name not in _READABLE:
            yield Body(number=_numbered(case.number), name=f"{case.number} {case.name}", body=case.body)
    yield Body(number="R09", name="5 MB", body=b'{"a": "' + b"a" * 5_000_000 + b'"}', statuses=frozenset({413}))
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml", "application/json-patch+json"):
        yield Body(
            number="R09" if "patch" not in kind else "R23",
            name=kind,
            body=b"{}",
            content_type=kind,
            statuses=frozenset({415}),
        )


def _numbered(document: str) -> str:
    """No text, no object, no JSON, or JSON that cannot be stored."""
    if document in {"J05", "J06"}:
        return "R05"
    return "R06" if document == "J10" else "R07" if document < "J13" else "R08"


def values() -> Iterator[Query]:
    """R10 to R12: no text that a database knows, in any parameter and any part of a path."""
    yield Query(number="R10", name="NUL", text=f"a%00{CANARY_SECRET}")
    yield Query(number="R11", name="surrogate", text="%ED%A0%80")
    yield Query(number="R12", name="overlong", text="%C0%80")
    yield Query(number="R12", name="no UTF-8", text="%FF%FE")


def pages() -> Iterator[Query]:
    """R13: pages that there are none of."""
    for name, text in (
        ("0", "0"),
        ("negative", "-1"),
        ("10^20", "1" + "0" * 20),
        ("10^9", "1000000000"),
        ("5000 digits", "000000001" + "9" * 5000),
        ("leading zeros", "000000001999"),
        ("a fraction", "1.5"),
        ("empty", ""),
        ("an Arabic digit", "\u0663"),
        ("a word", "many"),
    ):
        yield Query(number="R13", name=f"page size {name}", text=f"page_size={quote(text)}")
    for name, told in (
        ("no base64", None),
        ("NUL", {"p": "\x00"}),
        ("no time", {"p": "yesterday"}),
        ("far offset", {"o": "1" + "0" * 30}),
        ("negative offset", {"o": "-1", "p": "2026-01-01"}),
        ("reversed by words", {"r": "yes", "p": "'; --"}),
        ("year 10000", {"p": "10000-01-01T00:00:00Z"}),
        ("surrogate", {"p": b"\xed\xa0\x80"}),
    ):
        cursor = base64.b64encode(urlencode(told).encode()).decode() if told else "!!!"
        statuses = {400} if name in {"no base64", "NUL"} else {200, 400}  # one list's position is another's nonsense
        yield Query(number="R13", name=f"cursor {name}", text=f"cursor={quote(cursor)}", statuses=frozenset(statuses))


def unlisted() -> Iterator[Query]:
    """R14, R15, R23: what is no filter, and a filter twice."""
    for name in (
        "ordering",
        "order_by",
        "user__password",
        "account__api_key_sealed__startswith",
        "id__in",
        "facts",
        "fields",
    ):
        yield Query(number="R14", name=name, text=f"{name}=a", statuses=frozenset({400}))
    yield Query(number="R15", name="every row or", text="account__name=a&or=1", statuses=frozenset({400}))
    yield Query(number="R23", name="twice", text="account=a&account=b", statuses=frozenset({400}))


def credentials(token: str) -> Iterator[Credentials]:
    """R01 to R04; ``token`` is a good one."""
    basic = base64.b64encode(f"operator:{CANARY_SECRET}".encode()).decode()
    for number, name, header in (
        ("R01", "none", ""),
        ("R01", "nobody's", f"Bearer tvp_01234567.{CANARY_SECRET}"),
        ("R01", "cut short", f"Bearer {token[:-1]}"),
        ("R01", "another case", f"Bearer {token.swapcase()}"),
        ("R01", "no token", "Bearer"),
        ("R01", "two tokens", f"Bearer {token} {token}"),
        ("R01", "NUL in it", f"Bearer {token}\x00"),
        ("R03", "basic", f"Basic {basic}"),
        ("R03", "digest", 'Digest username="operator"'),
        ("R04", "10 kB", f"Bearer tvp_{'a' * 10_000}"),
        ("R04", "bytes", "Bearer tvp_\xff\xfe"),
    ):
        yield Credentials(number=number, name=name, headers=(("Authorization", header),) if header else ())
    for name in ("token", "access_token", "api_key", "Authorization"):
        yield Credentials(number="R02", name=f"in the query as {name}", query=f"{name}={quote(token)}")


# What no parameter of any kind takes for its own.
WRONG_TYPES: tuple[Any, ...] = ("true", "1", 1.5, 2**63, -(2**63), [None], {"a": {"b": None}}, [[[]]], "\ufffe")

ADDRESSES = (  # R22
    "javascript:alert(1)",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "http://user:secret@portal.example/",
    "http://portal.example/a b",
    "http://portal.example/\r\nHost: x",
    "http://",
    "//portal.example/",
    "http://[::1",
    "http://portal.example:99999/",
    "http://portal.example/" + "a" * 2001,
    "portal.example",
)

DIALLED = (  # R20
    "12025550199",
    "+0123456789",
    "00442071838750",
    "+1 900 555 0199",
    "sip:",
    "tel:+13125550001",
    "+13125550001,+13125550002",
    "+١٣١٢٥٥٥٠٠٠١",
    "\x00",
    "+" + "1" * 5000,
)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()
