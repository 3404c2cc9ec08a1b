"""Documents made from the grammar: each element in its place with what it needs, right values and wrong ones."""

from collections.abc import Iterator
from html import escape

from portal.texml.grammar import GRAMMAR, Element, Value

ATTRIBUTES = [(key, name) for key, element in GRAMMAR.elements.items() for name in element.attributes]
_RIGHT = {
    "text": "anything",
    "boolean": "true",
    "phone": "+13125550100",
    "sip": "sip:desk@example.com",
    "digits": "12",
    "voice": "Polly.Joanna",
    "language": "en-US",
    "model": "vendor/name",
    "uuid": "0b0e7a32-5a55-4d0f-9c0a-3f6a2c1d4e5f",
    "json": '{"type": "object"}',
}
_FORMS = {("Dial", "fromDisplayName"): "Front desk", ("break", "time"): "500ms"}  # of patterns
_WRONG: dict[str, list[tuple[str, str]]] = {
    "text": [],  # whatever it is, it is one
    "integer": [("five", "V01"), ("1.5", "V01"), ("", "V01")],
    "number": [("five", "V01"), ("1e3", "V01")],
    "boolean": [("yes", "V03"), ("True", "V03")],
    "enum": [("zz-none", "V02"), ("", "V02")],
    "list": [("zz-none", "V02"), ("zz,none", "V04"), (" ", "V02")],
    "phone": [("3125550100", "V08"), ("+1 312 555 0100", "V08"), ("+0", "V08")],
    "sip": [("desk@example.com", "V09")],
    "digits": [("12x", "V07")],
    "pattern": [("\u2603", "V02")],
    "voice": [("female", "V15")],
    "language": [("e", "V02"), ("en US", "V02")],
    "model": [("a/b/c", "V02")],
    "uuid": [("0b0e", "V02")],
    "json": [("{", "V02")],
}


def right(key: str, name: str, value: Value) -> list[str]:
    """Values that Telnyx takes: both ends of a range, each of a list."""
    match value.type:
        case "enum":
            return list(value.values)
        case "list":
            return [*value.values, " ".join(value.values)]
        case "integer" | "number":
            ends = [end for end in (value.min, value.max) if end is not None]
            return [f"{end:g}" for end in ends] + list(value.also)
        case "url":
            return [
                f"{value.schemes[0]}://media.example.com/a?b=1",
                *(["/next", "next"] if "https" in value.schemes else []),
            ]
        case "pattern":
            return [_FORMS[key, name]]
        case _:
            return [_RIGHT[value.type]]


def wrong(value: Value) -> Iterator[tuple[str, str]]:
    """Values that are none, with the rule that says so."""
    if value.type == "url":
        secure, plain = value.schemes
        yield from (("ftp://example.com/a", "V05"), (f"{secure}://", "V05"), (f"{secure}://a b", "V05"))
        yield f"{plain}://example.com/a", "V06"
        return
    yield from _WRONG[value.type]
    if value.min is not None:
        yield f"{value.min - 1:g}", "V01"
    if value.max is not None:
        yield f"{value.max + 1:g}", "V01"


def written(element: Element, attributes: dict[str, str], content: str) -> str:
    given = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{element.name}{given}>{content}</{element.name}>"


def needed(key: str, name: str = "", given: str = "") -> dict[str, str]:
    """What an element needs, and what an attribute of it needs to have an effect, and these in turn."""
    element = GRAMMAR.elements[key]
    attributes = {name: given} if name else {}
    wanted = [one for one, value in element.attributes.items() if value.required or value.expected]
    stands_for_it = {"text", "children", *attributes}
    wanted += [] if stands_for_it & set(element.requires_one_of) else element.requires_one_of[:1]
    _add(key, attributes, wanted)
    for one in list(attributes):
        value = element.attributes[one]
        for other, values in value.only_when.items():
            attributes.setdefault(other, values[0])
        for other, exact in value.value_requires_value.get(attributes[one], {}).items():
            attributes.setdefault(other, exact)
        others = [value.requires, value.only_with, value.value_requires.get(attributes[one], "")]
        _add(key, attributes, [other for other in others if other])
    return attributes


def _add(key: str, attributes: dict[str, str], names: list[str]) -> None:
    for name in names:
        if name not in attributes:
            attributes[name] = right(key, name, GRAMMAR.elements[key].attributes[name])[0]


def content(key: str, name: str = "") -> str:
    """The text and the children that an element needs; none where the attribute ``name`` stands for it."""
    element = GRAMMAR.elements[key]
    if element.only_one_of_them and name in element.requires_one_of:
        return ""
    if element.text and (element.text.required or "text" in element.requires_one_of):
        return escape(right(key, "", element.text)[0])
    names = list(element.requires_children)
    if element.at_least or (element.requires_one_of and "children" in element.requires_one_of):
        names.append(element.children[0])
    return "".join(inner(child, element) for child in names)


def inner(name: str, parent: Element) -> str:
    element = GRAMMAR.element(name, parent.name)
    assert element is not None
    return written(element, needed(element.key), content(element.key))


def placed(key: str, xml: str) -> str:
    """``xml`` of an element in a whole document, around it what must stand around it."""
    while not GRAMMAR.elements[key].root:
        element = GRAMMAR.elements[key]
        parent = GRAMMAR.elements[GRAMMAR.parents(element)[0]]
        beside = "".join(inner(name, parent) for name in parent.requires_children if name != element.name)
        xml = xml if parent.root else written(parent, needed(parent.key), beside + xml)
        key = parent.key
    return f"<Response>{xml}</Response>"


def document(key: str, attributes: dict[str, str] | None = None, inside: str | None = None) -> str:
    """A whole document around one element: ``attributes`` and ``inside`` are for what it needs at least."""
    if GRAMMAR.elements[key].root:
        return "<Response><Hangup/></Response>"
    given = needed(key) if attributes is None else attributes
    return placed(key, written(GRAMMAR.elements[key], given, content(key) if inside is None else inside))
