"""Shows what callers would get of a draft: each sample caller's document, as it would be served."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from portal.texml.conversation import FIELDS
from portal.texml.rendering import RenderError, render
from portal.texml.templates import Program, read

_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=(.*)")
MOST_LINES = 50  # of an own caller

_MARKUP = "</Say><Dial>+19005550100</Dial>"
SAMPLES: Mapping[str, Mapping[str, str]] = {
    "A caller who pressed 1": {
        **FIELDS,
        "From": "+13125550123",
        "CallerId": "Jo Example",
        "FromSipUri": "+13125550123@sip.telnyx.com",
        "Digits": "1",
        "SpeechResult": "Sales, please",
        "Confidence": "0.92",
    },
    "A caller without a number": {
        **FIELDS,
        "From": "anonymous",
        "CallerId": "Anonymous",
        "FromSipUri": "anonymous@anonymous.invalid",
        "Digits": "",
    },
    "A caller who sends markup": {
        **FIELDS,
        "From": _MARKUP,
        "CallerId": _MARKUP,
        "FromSipUri": "x{{secret}}@example.com",
        "CallingPartyType": "sip",
        "Digits": "9#",
        "SpeechResult": "{{#secret}}key{{/secret}} & \"more\"",
    },
}


@dataclass(frozen=True)
class Preview:
    """Holds what one caller gets: the document, or why there is none. ``values`` are those that the draft asks for."""

    caller: str
    values: Mapping[str, str]
    document: str = ""
    error: str = ""


def previews(source: str, declared: Mapping[str, str], own: str = "") -> list[Preview]:
    """Render a draft for each sample caller, and for an own one of lines "Name=value". Raises ``TemplateError``."""
    program = read(source)
    callers = {**SAMPLES, **({"Your own caller": {**FIELDS, **_own(own)}} if own.strip() else {})}
    return [_preview(caller, program, {**declared, **values}) for caller, values in callers.items()]


def _own(lines: str) -> dict[str, str]:
    found = [_LINE.fullmatch(line) for line in lines.splitlines()[:MOST_LINES]]
    return {line[1]: line[2].strip() for line in found if line}


def _preview(caller: str, program: Program, values: Mapping[str, str]) -> Preview:
    asked = {name: values.get(name, "") for name in sorted(program.names)}
    try:
        return Preview(caller, asked, render(program, values))
    except RenderError as error:
        return Preview(caller, asked, error=str(error))
