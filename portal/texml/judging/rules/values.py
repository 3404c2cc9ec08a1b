"""Judges what attributes and texts say: the rules V."""

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from portal.texml import tree
from portal.texml.findings import Finding, Place, found
from portal.texml.grammar import GRAMMAR, Element, Value, close
from portal.texml.judging.rules.context import Context
from portal.texml.judging.rules.placeholders import is_filled

_NUMBERS = {"integer": re.compile(r"-?[0-9]{1,12}"), "number": re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")}
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SIP = re.compile(r"sips?:[^\s<>\"]+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,}([-_][A-Za-z0-9]+)*")
_MODEL = re.compile(r"[^\s/]+(/[^\s/]+)?")
_VOICE = re.compile(r"man|woman|alice|[A-Za-z0-9]+(\.[^\s.]+)+")
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_NOT_IN_A_URL = re.compile(r"[\s<>\"\\^`\x00-\x1f]")
_PLUS = re.compile(r"\?[^#]*=\+[0-9]")  # a number in a query
_PLAIN = {"http": "https", "ws": "wss"}
_OF_DEEPGRAM = {"hints": "nova-2", "keyterms": "nova-3"}  # the models that read them


def findings(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the values."""
    root = context.document.root
    if context.surroundings.voice_method.upper() == "GET":
        yield found("V10", root, "The application fetches this by GET, which cannot be verified: use POST.")
    for element, meaning in context.known():
        for attribute in element.attributes:
            if value := meaning.attributes.get(attribute.name):
                yield from _judge(attribute.name, attribute.value, value, attribute)
                yield from _company(attribute, value, element, meaning)
                if attribute.name == "callerId":
                    yield from _caller_id(attribute, context)
                if attribute.value == "GET" and value.values == ("GET", "POST") and meaning.name != "Request":
                    yield found("V10", attribute, "What is asked for by GET cannot be verified: use POST.")
        if meaning.text and element.text and not _is_media(element, meaning):
            yield from _judge(f"The text of <{element.name}>", element.text, meaning.text, _text_place(element))
        yield from _missing(element, meaning)
        yield from _together(element, meaning)


def _is_media(element: tree.Element, meaning: Element) -> bool:
    return meaning.name == "Play" and element.get("mediaStorage") not in {None, "false"}


def _text_place(element: tree.Element) -> Place:
    text = next(one for one in element.texts if one.data.strip())
    return text.at(len(text.data) - len(text.data.lstrip()))


# --- One value ---


def _judge(name: str, given: str, value: Value, at: Place) -> Iterator[Finding]:
    if value.type == "url":
        yield from _address(name, given, value, at)
    elif is_filled(given):
        return
    elif value.type in _NUMBERS:
        yield from _number(name, given, value, at)
    elif value.type == "list":
        yield from _list(name, given, value, at)
    elif value.type == "voice":
        if not _VOICE.fullmatch(given):
            yield found("V15", at, f"{name} is no known form of a voice: man, woman, alice, or such as Polly.Joanna.")
    elif value.type in _FORMS:
        rule, form, words = _FORMS[value.type]
        if not form.fullmatch(given):
            yield found(rule, at, f"{name} is {words}.")
    else:
        yield from _word(name, given, value, at)


_FORMS = {
    "boolean": ("V03", re.compile("true|false"), "true or false"),
    "phone": ("V08", _E164, "a phone number with + and country code, without spaces; a SIP address stands in <Sip>"),
    "sip": ("V09", _SIP, "a SIP address, such as sip:name@host"),
    "uuid": ("V02", _UUID, "a UUID"),
    "language": ("V02", _LANGUAGE, "a language, such as en-US"),
    "model": ("V02", _MODEL, "a model, as vendor/name"),
}


def _number(name: str, given: str, value: Value, at: Place) -> Iterator[Finding]:
    if given in value.also:
        return
    is_one = _NUMBERS[value.type].fullmatch(given)
    low, high = value.min, value.max
    if not is_one or (low is not None and float(given) < low) or (high is not None and float(given) > high):
        kind = "a whole number" if value.type == "integer" else "a number"
        span = f" from {low:g} to {high:g}" if high is not None else f" of at least {low:g}"
        also = f", or {' or '.join(value.also)}" if value.also else ""
        yield found("V01", at, f"{name} is {kind}{span}{f' {value.unit}' if value.unit else ''}{also}.")


def _list(name: str, given: str, value: Value, at: Place) -> Iterator[Finding]:
    if "," in given:
        yield found("V04", at, f"{name} is separated by spaces, not by commas.")
        return
    unknown = [word for word in given.split() if word not in value.values]
    if unknown or not given.strip():
        which = f"{unknown[0][:40]} is unknown" if unknown else "it is empty"
        yield found("V02", at, f"{name} takes some of {', '.join(value.values)}: {which}.")


def _word(name: str, given: str, value: Value, at: Place) -> Iterator[Finding]:
    if value.type == "enum" and given not in value.values:
        near = close(given, value.values)
        hint = f" Did you mean {near}?" if near else ""
        yield found("V02", at, f"{name} is one of {', '.join(value.values)}.{hint}")
    elif value.type == "digits" and not re.fullmatch(value.pattern, given, re.ASCII):
        yield found("V07", at, f"{name} takes only {value.pattern.strip('+*').strip('[]')}.")
    elif value.type == "pattern" and not re.fullmatch(value.pattern, given, re.ASCII):
        yield found("V02", at, f"{name} is not of its form. {value.note}")
    elif value.type == "json" and not _is_json(given):
        yield found("V02", at, f"{name} is not JSON.")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _address(name: str, given: str, value: Value, at: Place) -> Iterator[Finding]:
    given = given.strip()
    written = given.partition("{{")[0]  # what stands before the first value is known
    scheme = _SCHEME.match(written)
    if not given:
        yield found("V05", at, f"{name} is an empty address.")
    elif scheme and scheme[1].lower() not in value.schemes:
        yield found("V05", at, f"{name} begins with {scheme[1][:20]}: — only {' or '.join(value.schemes)} is taken.")
    elif not scheme and "wss" in value.schemes and written == given:
        yield found("V05", at, f"{name} is a whole address, which begins with wss://.")
    elif not is_filled(given) and not _is_address(given, bool(scheme)):
        yield found("V05", at, f"{name} is not a valid address.")
    elif "&amp;" in given:
        yield found("V05", at, f"{name} is escaped twice: write &amp; once.", "warning")
    elif _PLUS.search(given):
        yield found("T06", at, f"In {name} a + is read as a space: write %2B.")
    elif scheme and scheme[1].lower() in _PLAIN:
        better = _PLAIN[scheme[1].lower()]
        yield found("V06", at, f"{name} is not encrypted: use {better}://.")


def _is_address(given: str, has_scheme: bool) -> bool:
    if _NOT_IN_A_URL.search(given):
        return False
    try:
        parts = urlsplit(given)
        return parts.port != 0 and (bool(parts.hostname) or not has_scheme)
    except ValueError:  # a port that is none, a bracket without its other
        return False


def _caller_id(attribute: tree.Attribute, context: Context) -> Iterator[Finding]:
    numbers = context.surroundings.numbers
    if numbers is not None and _E164.fullmatch(attribute.value) and attribute.value not in numbers:
        yield found("V08", attribute, "callerId is none of the account's numbers: the call may fail.", "warning")


# --- Values beside each other ---


def _company(attribute: tree.Attribute, value: Value, element: tree.Element, meaning: Element) -> Iterator[Finding]:
    name = attribute.name
    if value.only_with and element.get(value.only_with) is None:
        rule = "V11" if name.lower().endswith(("method", "event")) else "V13"
        yield found(rule, attribute, f"{name} has no effect without {value.only_with}.")
    if value.requires and element.get(value.requires) is None:
        yield found("V12", attribute, f"{name} needs {value.requires}.")
    needed = value.value_requires.get(attribute.value)
    if needed and element.get(needed) is None:
        yield found("V12", attribute, f'{name}="{attribute.value}" needs {needed}.')
    for other, wanted in value.value_requires_value.get(attribute.value, {}).items():
        if element.get(other) != wanted and not is_filled(element.get(other) or ""):
            yield found("V12", attribute, f'{name}="{attribute.value}" needs {other}="{wanted}".')
    for other, effective in value.only_when.items():
        chosen = _chosen(element, meaning, other)
        if chosen not in effective and not is_filled(chosen):
            yield found("V13", attribute, f'{name} has an effect only with {other}="{" or ".join(effective)}".')
    if value.no_effect_with and element.get(value.no_effect_with) is not None:
        yield found("V13", attribute, f"{name} has no effect beside {value.no_effect_with}.")
    if value.no_effect_with_child and any(child.name == value.no_effect_with_child for child in element.children):
        yield found("V13", attribute, f"{name} has no effect with <{value.no_effect_with_child}>.")


def _chosen(element: tree.Element, meaning: Element, name: str) -> str:
    """Return what Telnyx takes for an attribute: what is written, else its default."""
    given = element.get(name)
    return given if given is not None else meaning.attributes[name].default or ""


def _missing(element: tree.Element, meaning: Element) -> Iterator[Finding]:
    for name, value in meaning.attributes.items():
        if element.get(name) is None and (value.required or value.expected):
            if value.required:
                yield found("V12", element, f"<{element.name}> needs {name}.")
            else:
                yield found("V12", element, f"Without {name} nobody hears of it.", "warning")
    wanted = meaning.requires_one_of
    if wanted and not {"text", "children"} & set(wanted) and all(element.get(name) is None for name in wanted):
        yield found("V12", element, f"<{element.name}> needs {' or '.join(wanted)}.")


def _together(element: tree.Element, meaning: Element) -> Iterator[Finding]:
    if meaning.only_one_of_them:
        given = [n for n in meaning.requires_one_of if (element.text if n == "text" else element.get(n) is not None)]
        if len(given) > 1:
            yield found("V13", element, f"<{element.name}> takes one of {', '.join(meaning.requires_one_of)}.")
    least, most = element.get("minDigits") or "", element.get("maxDigits") or ""
    whole = _NUMBERS["integer"]
    if meaning.name == "Gather" and whole.fullmatch(least) and whole.fullmatch(most) and int(least) > int(most):
        yield found("V13", element, "minDigits is greater than maxDigits: nobody can enter that.", "error")
    yield from _models(element, meaning)


def _models(element: tree.Element, meaning: Element) -> Iterator[Finding]:
    model, engine = element.get("model") or "", element.get("transcriptionEngine") or ""
    if "transcriptionEngine" not in meaning.attributes or is_filled(model + engine):
        return
    vendor, slash, _ = model.lower().rpartition("/")
    known = meaning.attributes["transcriptionEngine"].values
    if slash and engine in known and vendor not in GRAMMAR.vendors.get(engine, [engine.lower()]):
        at = next(one for one in element.attributes if one.name == "model")
        yield found("V14", at, f"The engine {engine} has no model of {vendor[:40]}.")
    if model and (engine == "Deepgram" or vendor == "deepgram"):
        for attribute in element.attributes:
            wanted = _OF_DEEPGRAM.get(attribute.name)
            if wanted and wanted not in model.lower():
                yield found("V13", attribute, f"{attribute.name} has an effect only with the model {wanted}.")
