"""Judges a request that somebody pasted as the street door would, step by step: “Verify this request”.

Nothing of it is stored or logged. A browser turns line ends into CRLF and people lose the last one, so what does not
verify as pasted is tried in the forms it may have had.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.datastructures import CaseInsensitiveMapping

from portal import payloads, signatures
from portal.models import TelnyxAccount
from portal.signatures import BadSignature
from portal.texts import pluralised
from voice.events import envelopes, refusal_reasons, texml_callbacks
from voice.events.refusal_reasons import Signer
from voice.models import CallEvent

Headers = CaseInsensitiveMapping[str]

_LINE = re.compile(r"[<>*]?\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}):\s?(.*)")
_CURL = re.compile(r"(?:^|\s)(?:-H|--header)(?=[\s='\"])")


@dataclass(frozen=True)
class Step:
    """Holds one thing that was checked. ``ok`` is None when it is only told."""

    title: str
    ok: bool | None
    words: str
    event: CallEvent | None = None


@dataclass(frozen=True)
class Verdict:
    """Says whether the door would let it in, why in one sentence, and how that came about."""

    ok: bool
    words: str
    steps: list[Step]


def read_headers(text: str) -> Headers:
    """Read headers from lines ``Name: value``, from a JSON object or list of pairs, or from a curl command.

    One that comes twice is joined by a comma, as servers do. What is no header is passed over.
    """
    joined: dict[str, tuple[str, str]] = {}
    for name, value in _pairs(text.strip()):
        before = joined.get(name.lower())
        joined[name.lower()] = (before[0], f"{before[1]},{value}") if before else (name, value)
    return CaseInsensitiveMapping(dict(joined.values()))


def verify(
    headers: Headers, body: str, account: TelnyxAccount | None, accounts: Collection[TelnyxAccount], now: float | None
) -> Verdict:
    """Judge as the door of ``account`` would at the Unix time ``now``; without an account, as that of the signer.

    ``accounts`` are all there are. With ``now`` None the age is not judged.
    """
    raw = body.encode("utf-8", "surrogatepass")
    try:
        timestamp = signatures.read_timestamp(headers)
        signatures.read_signature(headers)
    except BadSignature as error:
        steps = [_headers_step(headers, error, raw), *_body_steps(raw, account, accounts)]
        return Verdict(False, f"It would be refused: {error}.", steps)
    first = [account] if account else []  # two may have the same key
    signer, as_sent, change = _signer(headers, raw, [*first, *accounts])
    steps = [
        Step("Headers", True, f"{signatures.SIGNATURE_HEADER} and {signatures.TIMESTAMP_HEADER} are there."),
        _age_step(timestamp, now),
        Step("Form of the signature", True, "64 bytes in base64, as Ed25519 has."),
        _key_step(headers, raw, signer, change, account),
    ]
    wrong = next((step for step in steps if step.ok is False), None)
    asked = account or (signer.account if signer else None)
    steps += _body_steps(as_sent, asked, accounts)
    if wrong:
        return Verdict(False, f"It would be refused. {wrong.words}", steps)
    return Verdict(True, f"It is Telnyx's, for the account {asked}: the door would let it in.", steps)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    if text[:1] in {"{", "["}:
        yield from _of_json(text)
    elif _CURL.search(text):
        yield from _of_lines(_of_curl(text))
    else:
        yield from _of_lines(text.splitlines())


def _of_json(text: str) -> Iterator[tuple[str, str]]:
    try:
        document = payloads.loads(text.encode("utf-8", "surrogatepass"))
    except payloads.Unreadable:
        return
    items = (
        document.items()
        if isinstance(document, dict)
        else [pair for pair in document if isinstance(pair, list) and len(pair) == 2]
    )
    for name, value in items:
        for member in value if isinstance(value, list) else [value]:
            yield str(name), str(member)


def _of_curl(text: str) -> list[str]:
    try:
        words = shlex.split(text.replace("\\\r\n", " ").replace("\\\n", " "))
    except ValueError:  # a quote that never ends: what stands on lines of its own is read all the same
        words = [word.strip("'\" \\") for word in _CURL.sub("\n-H\n", text).splitlines()]
    taken = [words[at + 1] for at, word in enumerate(words[:-1]) if word in {"-H", "--header"}]
    return taken + [word.partition("=")[2] for word in words if word.startswith("--header=")]


def _of_lines(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if found := _LINE.fullmatch(line.strip()):
            yield found[1], found[2].strip()


def _headers_step(headers: Headers, error: BadSignature, raw: bytes) -> Step:
    hints = refusal_reasons.hints(headers, error.code, raw)
    what = f"{pluralised(len(headers), 'header', 'headers')} could be read: {error}."
    return Step("Headers", False, " ".join([what[0].upper() + what[1:], *hints]))


def _age_step(timestamp: str, now: float | None) -> Step:
    at = f"Sent at {datetime.fromtimestamp(int(timestamp), UTC):%Y-%m-%d %H:%M:%S} UTC"
    if now is None:
        return Step("Age", None, f"{at}; judged as of that moment.")
    try:
        signatures.check_age(timestamp, now)
    except BadSignature as error:
        return Step("Age", False, f"{at}: {error}.")
    age = now - int(timestamp)
    return Step(
        "Age", True, f"{at}, {signatures.format_duration(abs(age))} {'ago' if age >= 0 else 'ahead'}: within 5 minutes."
    )


def _key_step(headers: Headers, raw: bytes, signer: Signer | None, change: str, account: TelnyxAccount | None) -> Step:
    if signer is None:
        lengths = {str(len(form)) for form, _ in _forms(raw)}
        hints = refusal_reasons.hints(headers, "other_key", None if headers.get("Content-Length") in lengths else raw)
        none = "No key of this portal made the signature: it is another account's, or the body is not as it was sent."
        return Step("Key", False, " ".join([none, *hints]))
    if account and signer.account.pk != account.pk:
        words = f"It is signed with {signer}, not {account}: is its webhook address pasted into the wrong account?"
        return Step("Key", False, words)
    if change.startswith("rewritten"):
        words = f"With the body {change} it is signed with {signer}: something on the way rewrites bodies."
        return Step("Key", False, words)
    return Step("Key", True, f"Signed with {signer}{f', with the {change}' if change else ''}.")


def _signer(headers: Headers, raw: bytes, accounts: Collection[TelnyxAccount]) -> tuple[Signer | None, bytes, str]:
    """Find whose key, over which bytes, and what had to be changed for it."""
    for body, change in _forms(raw):
        if found := refusal_reasons.signer(headers, body, accounts):
            return found, body, change
    return None, raw, ""


def _forms(raw: bytes) -> Iterator[tuple[bytes, str]]:
    """List what may have been sent, likeliest first, each once."""
    seen = set()
    for body, change in _candidates(raw):
        if body not in seen:
            seen.add(body)
            yield body, change


def _candidates(raw: bytes) -> Iterator[tuple[bytes, str]]:
    yield raw, ""
    lines = raw.replace(b"\r\n", b"\n")
    back = "line endings changed back"
    for body, change in ((lines, back), (lines.replace(b"\n", b"\r\n"), back), (raw, "")):
        bare = body.strip()
        end = f"{change} and the blanks at its ends put right" if change else "blanks at its ends put right"
        yield body, change
        for whole in (bare, bare + b"\n", bare + b"\r\n", body.rstrip(b"\r\n"), body + b"\n"):
            yield whole, end
    try:
        document = payloads.loads(raw)
    except payloads.Unreadable:
        return
    for form in ({"separators": (",", ":")}, {}, {"indent": 2}, {"separators": (",", ":"), "ensure_ascii": True}):
        text = json.dumps(document, **{"ensure_ascii": False, **form})  # type: ignore[arg-type]
        yield text.encode("utf-8", "replace"), "rewritten as other JSON of the same meaning"


def _body_steps(raw: bytes, account: TelnyxAccount | None, accounts: Collection[TelnyxAccount]) -> list[Step]:
    event, problem = _read(raw)
    if problem:
        steps = [Step("Body", None if event.source == CallEvent.Source.TEXML else False, _unusable(problem))]
    else:
        steps = [Step("Body", True, f"{event.event_type or 'An event'}, id {event.event_id or event.dedupe_key}.")]
    among = [account] if account else accounts
    stored = CallEvent.objects.filter(account__in=among, dedupe_key=event.dedupe_key).defer("body").first()
    if stored is None:
        return [*steps, Step("Stored", None, "No event of this portal has this id or these bytes.")]
    at = f"{stored.received_at:%Y-%m-%d %H:%M:%S} UTC"
    return [*steps, Step("Stored", True, f"It came at {at}, and is {stored.status}.", stored)]


def _unusable(problem: str) -> str:
    return f"It cannot be used, and would be stored as quarantined: {problem}."


def _read(raw: bytes) -> tuple[CallEvent, str]:
    """Read the event it would be, and what is wrong with it."""
    key = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    now = datetime.now(UTC)
    is_form = raw.lstrip()[:1] not in {b"{", b"["} and b"=" in raw
    source = CallEvent.Source.TEXML if is_form else CallEvent.Source.WEBHOOK
    event = CallEvent(source=source, body=raw, received_at=now, dedupe_key=key)
    reader: Any = texml_callbacks.read if is_form else envelopes.read
    try:
        reader(event)
    except payloads.Unreadable as error:
        return event, str(error)
    return event, ""
