"""TwiML as the twilio package writes it: every verb, noun and parameter that it has."""

import inspect
from collections.abc import Iterator

from twilio.twiml import TwiML
from twilio.twiml.voice_response import VoiceResponse

_DEEPEST = 4
_VALUES = {
    "method": "POST",
    "url": "https://app.example.com/twiml",
    "callback": "https://app.example.com/twiml",
    "action": "https://app.example.com/next",
    "timeout": "5",
    "length": "2",
    "loop": "2",
    "num_digits": "4",
    "number": "+1 415-555-0100",
    "phone_number": "+14155550100",
    "phone_number_to": "+14155550100",
    "sip_url": "sip:desk@example.com",
    "caller_id": "+14155550101",
    "machine_detection_timeout": "30",
    "status_callback_event": "initiated ringing answered completed",
    "finish_on_key": "#",
    "muted": "True",
}  # fmt: skip


def documents() -> Iterator[tuple[str, str]]:
    """Each verb with each noun, with all parameters at once; by the names of the methods that made it."""
    yield from _grown([])


def _grown(path: list[str]) -> Iterator[tuple[str, str]]:
    for method in _methods(_along(path)[-1]):
        one = [*path, method]
        yield ".".join(one), str(_along(one)[0])
        if len(one) < _DEEPEST:
            yield from _grown(one)


def _along(path: list[str]) -> list[TwiML]:
    elements: list[TwiML] = [VoiceResponse()]
    for method in path:
        make = getattr(elements[-1], method)
        elements.append(make(**_arguments(make)))
    return elements


def _methods(element: TwiML) -> list[str]:
    common = {name for name, _ in inspect.getmembers(TwiML)}
    return [
        name
        for name, _ in inspect.getmembers(element, inspect.ismethod)
        if name not in common and not name.startswith("_") and not name.startswith("add_")
    ]


def _arguments(make: object) -> dict[str, str]:
    names = [
        name
        for name, one in inspect.signature(make).parameters.items()
        if one.kind not in {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
    ]
    return {name: _value(name) for name in names}


def _value(name: str) -> str:
    ending = next((one for one in ("method", "callback", "url", "timeout") if name.endswith(one)), "")
    return _VALUES.get(name) or _VALUES.get(ending) or "words"
