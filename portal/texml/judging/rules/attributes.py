"""Judges which attribute stands on which element: the rules A and D, and X06, which is about names as well."""

from collections.abc import Iterator

from portal.texml import tree
from portal.texml.findings import Finding, found
from portal.texml.grammar import GRAMMAR, Element, close
from portal.texml.judging.rules.context import Context


def findings(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the attributes' names, and which default is not TwiML's."""
    for element in context.document.walk():
        if ":" in element.name:
            yield found("X06", element, f"Telnyx knows no namespaces: it skips <{element.name[:40]}>.")
        meaning = context.meaning(element)
        for attribute in element.attributes:
            if attribute.name == "xmlns" or (
                ":" in attribute.name and (meaning is None or attribute.name not in meaning.attributes)
            ):
                yield found("X06", attribute, f"Telnyx ignores {attribute.name[:40]}: remove it.")
            elif meaning and not meaning.any_attribute and attribute.name not in meaning.attributes:
                yield _stray(attribute, element, meaning)
        if meaning and context.surroundings.is_imported:
            yield from _defaults(element, meaning)


def _stray(attribute: tree.Attribute, element: tree.Element, meaning: Element) -> Finding:
    name, own = attribute.name, list(meaning.attributes)
    twiml = GRAMMAR.twiml_attributes.get(meaning.key, {}).get(name)
    if twiml:
        wish = f"use {twiml.use}." if twiml.use else twiml.note
        return found("A03", attribute, f"Telnyx ignores {name} on <{element.name}>, which is TwiML's: {wish}")
    other_case = next((one for one in own if one.lower() == name.lower()), "")
    if other_case:
        return found("A02", attribute, f"Telnyx ignores {name}: write {other_case}.")
    elsewhere = ", ".join(f"<{one}>" for one in GRAMMAR.with_attribute(name))
    if elsewhere:
        return found("A04", attribute, f"<{element.name}> has no {name}: it stands on {elsewhere}.")
    near = close(name, own)
    hint = f" Did you mean {near}?" if near else ""
    return found("A01", attribute, f"Telnyx ignores {name[:40]}: <{element.name}> has no such attribute.{hint}")


def _defaults(element: tree.Element, meaning: Element) -> Iterator[Finding]:
    for name, value in meaning.attributes.items():
        if value.twiml_default is not None and element.get(name) is None:
            message = f"Without {name} Telnyx takes {value.default}, where TwiML takes {value.twiml_default}."
            yield found("D01", element, message)
