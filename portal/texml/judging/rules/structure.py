"""Judges which element stands where: the rules S."""

from collections.abc import Iterator

from portal.texml import tree
from portal.texml.findings import Finding, found
from portal.texml.grammar import GRAMMAR, ROOT, Element, close
from portal.texml.judging.rules.context import Context
from portal.texml.judging.rules.placeholders import unconditional, without_sections

_ALONE = {"Queue", "Conference"}  # in a Dial


def findings(context: Context) -> Iterator[Finding]:
    """Yield what is wrong with the elements."""
    root = context.document.root
    if root.name != ROOT:
        is_near = root.name.lower() == ROOT.lower()
        yield found("S03" if is_near else "S01", root, f"The root is <{root.name}>: write <{ROOT}>.")
        if not is_near:
            return
    for element, meaning in context.known():
        for child in element.children:
            yield from _place(child, element, meaning)
        yield from _text(element, meaning)
        yield from _missing(element, meaning)
        if meaning.name == "Dial":
            yield from _company(element)
    verbs = {name.lower() for name in GRAMMAR.verbs}
    if not any(child.name.lower() in verbs for child in root.children):
        yield found("S07", root, "The document has no verb: the call would end at once.")


def _place(child: tree.Element, parent: tree.Element, meaning: Element) -> Iterator[Finding]:
    name = child.name
    if name in meaning.children or ":" in name:  # a name of another vocabulary: X06
        return
    all_names = GRAMMAR.names(ssml=meaning.ssml or meaning.name == "Say")
    other_case = next((one for one in (*meaning.children, *all_names) if one.lower() == name.lower()), "")
    if name in GRAMMAR.twiml_elements:
        yield found("S04", child, f"<{name}> is TwiML's: Telnyx skips it. {GRAMMAR.twiml_elements[name]}")
    elif any(element.name == name for element in GRAMMAR.elements.values()):
        allowed = ", ".join(meaning.children) or "no element"
        yield found("S05", child, f"<{name}> is not allowed in <{parent.name}>. Allowed: {allowed}.")
    elif other_case:
        yield found("S03", child, f"Telnyx skips <{name}> without an error: write <{other_case}>.")
    else:
        near = close(name, meaning.children) or close(name, all_names)
        hint = f" Did you mean <{near}>?" if near else ""
        yield found("S02", child, f"Telnyx does not know <{name[:40]}> and skips it without an error.{hint}")


def _text(element: tree.Element, meaning: Element) -> Iterator[Finding]:
    if meaning.text is None:
        for text in element.texts:
            if without_sections(text.data).strip():
                stripped = len(text.data) - len(text.data.lstrip())
                yield found("S06", text.at(stripped), f"<{element.name}> reads no text: this is not spoken.")


def _missing(element: tree.Element, meaning: Element) -> Iterator[Finding]:
    has_text = bool(element.text)
    children = element.children
    if meaning.text and meaning.text.required and not has_text:
        yield found("S10", element, f"<{element.name}> needs a text.")
    wanted = [name for name in meaning.requires_one_of if name in {"text", "children"}]
    given = (has_text and "text" in wanted) or (children and "children" in wanted)
    if wanted and not given and not any(element.get(name) is not None for name in meaning.requires_one_of):
        yield found("S10", element, f"<{element.name}> needs {_words(meaning)}.")
    for name in meaning.requires_children:
        if not any(child.name.lower() == name.lower() for child in children):
            yield found("V12", element, f"<{element.name}> needs <{name}>.")
    always = unconditional(element)
    most = meaning.at_most
    if len(children) < meaning.at_least or (most is not None and len(always) > most):
        wish = "exactly one" if meaning.at_least == most else "one" if most else "at least one"
        yield found("S09", element, f"<{element.name}> needs {wish} of {', '.join(meaning.children)}.")


def _words(meaning: Element) -> str:
    names = {"text": "a text", "children": " or ".join(f"<{name}>" for name in meaning.children)}
    return " or ".join(names.get(name, name) for name in meaning.requires_one_of)


def _company(dial: tree.Element) -> Iterator[Finding]:
    always = unconditional(dial)
    for child in always[1:]:
        if child.name in _ALONE or always[0].name in _ALONE:
            yield found("S08", child, "A Queue or a Conference stands alone in a Dial: Telnyx takes one of them.")
            return
