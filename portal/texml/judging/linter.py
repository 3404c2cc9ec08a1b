"""Judges documents: one by itself, or several that lead to each other."""

from collections.abc import Mapping

from portal.texml.findings import Finding
from portal.texml.judging import destinations
from portal.texml.judging.rules import attributes, flow, links, structure, templates, values
from portal.texml.judging.rules.context import NOTHING_KNOWN, Context, Surroundings
from portal.texml.templates import TemplateError
from portal.texml.tree import Malformed, parse

__all__ = ["NOTHING_KNOWN", "Surroundings", "lint", "lint_template", "lint_together"]

_RULES = (structure.findings, attributes.findings, values.findings, flow.findings, templates.findings)


def lint(source: str | bytes, surroundings: Surroundings = NOTHING_KNOWN) -> list[Finding]:
    """List what is wrong with a document, in its order. It raises nothing, whatever it is given."""
    try:
        document = parse(source)
    except Malformed as malformed:
        return sorted([malformed.finding, *malformed.more])
    context = Context(document, surroundings)
    return sorted({*document.findings, *(one for rule in _RULES for one in rule(context))})


def lint_template(source: str | bytes, surroundings: Surroundings = NOTHING_KNOWN) -> list[Finding]:
    """List what ``lint`` finds, and why it could not be served as a template, whatever a fetch chooses."""
    found = lint(source, surroundings)
    if any(one.level == "fatal" for one in found):
        return found  # nobody can read it, the reader of templates neither
    try:
        destinations.judged(source if isinstance(source, str) else source.decode())
    except TemplateError as error:
        if not any((one.rule, one.level) == (error.rule, "error") for one in found):
            return sorted([*found, error.finding])
    return found


def lint_together(
    documents: Mapping[str, str | bytes], *, hosted: str = "", absent: Mapping[str, str] | None = None
) -> dict[str, list[Finding]]:
    """List what is wrong between documents, by their addresses; what is wrong with each alone, ``lint`` tells.

    ``documents`` are the published ones by whole address. What begins with ``hosted`` and is not among them does not
    exist; ``absent`` says of addresses why they are not, such as "is not published". A malformed one leads nowhere.
    """
    contexts = {}
    for address, source in documents.items():
        try:
            contexts[address] = Context(parse(source))
        except Malformed:
            continue
    together: dict[str, set[Finding]] = {address: set() for address in documents}
    for address, finding in links.findings(contexts, hosted, absent or {}):
        together[address].add(finding)
    return {address: sorted(found) for address, found in together.items()}
