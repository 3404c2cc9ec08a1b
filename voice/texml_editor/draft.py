"""Holds a draft that somebody is editing, and what callers would get of it: in previews, and in a try in words."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from portal.texml.conversation import FIELDS, Case, Conversation, Difference, Load, NotNow, run_case
from portal.texml.findings import Finding
from portal.texml.rendering import RenderError, Values, render, sent
from portal.texml.templates import TemplateError, read

MOST_LINES = 50  # of an own caller
_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=(.*)")
_MARKUP = "</Say><Dial>+19005550100</Dial>"
SAMPLES: Mapping[str, Mapping[str, str]] = {
    "A caller who pressed 1": {
        "From": "+13125550123",
        "CallerId": "Jo Example",
        "FromSipUri": "+13125550123@sip.telnyx.com",
        "Digits": "1",
        "SpeechResult": "Sales, please",
        "Confidence": "0.92",
    },
    "A caller without a number": {
        "From": "anonymous",
        "CallerId": "Anonymous",
        "FromSipUri": "anonymous@anonymous.invalid",
    },
    "A caller who sends markup": {
        "From": _MARKUP,
        "CallerId": _MARKUP,
        "FromSipUri": "x{{secret}}@example.com",
        "CallingPartyType": "sip",
        "Digits": "9#",
        "SpeechResult": '{{#secret}}key{{/secret}} & "more"',
    },
}
_OWN = "Your own caller"


def _nothing(url: str, values: Values) -> str | None:
    return None


@dataclass(frozen=True)
class Draft:
    """Is a text with its declared variables and their defaults. ``apology`` is the document served when it fails.

    ``url`` is where it will be served, ``others`` gives a document that stands at another address, filled. ``judge``
    lists what is wrong with it.
    """

    source: str
    declared: Mapping[str, str] = field(default_factory=dict)
    apology: str = ""
    url: str = ""
    others: Callable[[str, Values], str | None] = _nothing
    judge: Callable[[], list[Finding]] = list

    def filled(self, values: Values) -> str:
        """Return the document for one fetch. Raises ``TemplateError`` and ``RenderError``."""
        return render(read(self.source), {**self.declared, **values})

    def is_at(self, url: str) -> bool:
        return url.partition("?")[0] in ("", self.url)


@dataclass(frozen=True)
class Preview:
    """Holds what one caller gets: the document, or why there is none. ``values`` are those that the draft asks for."""

    caller: str
    values: Mapping[str, str]
    document: str = ""
    error: str = ""


def previews(draft: Draft, own: str = "") -> list[Preview]:
    """Fill a draft for each sample caller, and for an own one of lines "Name=value". Raises ``TemplateError``."""
    asked = sorted(read(draft.source).names)
    callers = {**SAMPLES, **({_OWN: values_of(own)} if own.strip() else {})}
    return [_preview(draft, caller, asked, {**FIELDS, **values}) for caller, values in callers.items()]


def values_of(lines: str) -> dict[str, str]:
    """Read the values of an own caller. A line that is none is left out, and ``unread`` tells of it."""
    found = [_LINE.fullmatch(line) for line in lines.splitlines()[:MOST_LINES]]
    return {line[1]: line[2].strip() for line in found if line}


def unread(lines: str) -> str:
    """Say which lines of an own caller ``values_of`` leaves out; empty when it leaves out none."""
    told = lines.splitlines()
    wrong = [str(at) for at, line in enumerate(told[:MOST_LINES], 1) if line.strip() and not _LINE.fullmatch(line)]
    said = []
    if wrong:
        where = f"line{'s' if wrong[1:] else ''} {', '.join(wrong)}"
        said.append(f"Of your own caller nothing was read from {where}: write a value as Digits=2.")
    if len(told) > MOST_LINES:
        said.append(f"Of your own caller only the first {MOST_LINES} lines were read.")
    return " ".join(said)


def _preview(draft: Draft, caller: str, asked: list[str], values: Mapping[str, str]) -> Preview:
    shown = {name: values.get(name, draft.declared.get(name, "")) for name in asked}
    try:
        return Preview(caller, shown, draft.filled(values))
    except RenderError as error:
        return Preview(caller, shown, error=str(error))


def talk(draft: Draft, steps: list[str], caller: Mapping[str, str]) -> dict[str, Any]:
    """Call the draft, and do ``steps``: what was said to each, what may be done now, and what went wrong.

    What comes after a step that was not possible is not tried. ``caller`` are values over the invented ones.
    """
    problems: list[str] = []
    conversation = Conversation(_documents(draft, problems), url=draft.url, fields=caller)
    for step in steps:
        try:
            conversation.do(step)
        except NotNow as error:
            problems.append(str(error))
            break
    return {"steps": conversation.case(), "choices": conversation.choices, "problem": " ".join(problems)}


def talk_again(draft: Draft, steps: Case, caller: Mapping[str, str]) -> list[Difference]:
    """Call the draft as before; return the steps to which something else is said now."""
    return run_case(steps, _documents(draft, []), url=draft.url, fields=caller)


def _documents(draft: Draft, problems: list[str]) -> Load:
    """Return what gives a conversation its documents; ``problems`` are told of each apology."""

    def load(url: str, values: Mapping[str, str]) -> str | None:
        query = parse_qsl(url.partition("#")[0].partition("?")[2], keep_blank_values=True)
        told = sent([*query, *values.items()])  # as at the door
        if not draft.is_at(url):
            return draft.others(url, told)
        try:
            return draft.filled(told)
        except (TemplateError, RenderError) as error:
            problems.append(f"The apology was served: {error}")
            return draft.apology

    return load
