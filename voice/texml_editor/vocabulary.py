"""Tells the editor what it may offer at the cursor: the grammar's table in words, placeholders, filters, sections."""

from functools import cache
from typing import Any

from portal.texml.grammar import GRAMMAR, ROOT, VALUE_TYPES, Element, Value

_SAID = {
    "From": "Who calls, as Telnyx gives it: a number or a SIP address.",
    "To": "Who is called.",
    "Digits": "What the caller pressed: after a Gather.",
    "SpeechResult": "What the caller said: after a Gather for speech.",
    "Confidence": "How sure the recognition of speech is, from 0 to 1.",
    "CallerId": "The name that came with the call.",
    "CallSid": "Telnyx's id of the call.",
    "CallSidLegacy": "The id of the call's leg.",
    "AccountSid": "The account.",
    "ConnectionId": "The application.",
    "CallingPartyType": "sip or pstn.",
    "FromSipUri": "The caller's SIP address.",
    "ToSipUri": "The called SIP address.",
    "CallStatus": "What the call is doing: ringing, in-progress …",
    "Direction": "inbound or outbound.",
    "DialCallStatus": "How the dialled call ended: after a Dial.",
    "DialCallDuration": "How many seconds it lasted: after a Dial.",
    "RecordingUrl": "Where the recording lies, for ten minutes: after a Record.",
    "RecordingDuration": "How many seconds the recording is long.",
    "QueuePosition": "The caller's place: while waiting in a queue.",
    "CurrentQueueSize": "How many wait: while waiting in a queue.",
}
FILTERS = {
    "url": "For a part of an address.",
    "json": "For a text within JSON.",
    "e164": "A phone number with + and country code; nothing, if it is none.",
    "spell": "One character at a time, for what is spoken.",
    "allow": 'One of those that follow, or the document is refused: allow "A" "B".',
}
SECTIONS = (
    {"label": "#if", "info": "For one value of a variable.", "snippet": '{{#if ${Name} == "${value}"}}${}{{/if}}'},
    {"label": "#if … #else", "info": "For one value, and for all others.",
     "snippet": '{{#if ${Name} == "${value}"}}${}{{#else}}{{/if}}'},
    {"label": "#section", "info": "Where a variable has a value.", "snippet": "{{#${Name}}}${}{{/${Name}}}"},
    {"label": "^section", "info": "Where a variable has none.", "snippet": "{{^${Name}}}${}{{/${Name}}}"},
)  # fmt: skip


@cache
def vocabulary() -> dict[str, Any]:
    """Return it for JSON. A variable of a document itself is no part of it: the editor reads these from the form."""
    return {
        "root": ROOT,
        "elements": {key: _element(element) for key, element in GRAMMAR.elements.items()},
        "variables": {name: _SAID.get(name, "Sent by Telnyx.") for name in sorted(GRAMMAR.parameters)},
        "filters": FILTERS,
        "sections": SECTIONS,
    }


def _element(element: Element) -> dict[str, Any]:
    return {
        "says": element.says,
        "text": element.text is not None,
        "children": element.children,
        "attributes": {name: _attribute(value) for name, value in element.attributes.items()},
    }


def _attribute(value: Value) -> dict[str, Any]:
    choices = ("true", "false") if value.type == "boolean" else value.values
    return {
        "says": words(value),
        "values": (*choices, *value.also),
        "default": value.default,
        "required": value.required,
        "isList": value.type == "list",
    }


def words(value: Value) -> str:
    """Say in one line what an attribute takes: its kind, its limits, what holds without it."""
    kind = VALUE_TYPES[value.type]
    limits = [
        f"from {value.min:g}" if value.min is not None else "",
        f"to {value.max:g}" if value.max is not None else "",
    ]
    sentence = " ".join(part for part in (kind, *limits, value.unit) if part)
    default = f"; {value.default or 'empty'} if it is left out" if value.default is not None else ""
    return f"{sentence[0].upper()}{sentence[1:]}{default}. {value.note}".strip()
