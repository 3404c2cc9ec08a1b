"""The tables of docs/texml-documents.md, made from the grammar and the rules.

``python -m tests.support.texml_page`` writes them anew; a test compares.
"""

import re
from pathlib import Path

from portal.texml.findings import RULES
from portal.texml.grammar import GRAMMAR, Element, Value

PAGE = Path(__file__).resolve().parents[2] / "docs" / "texml-documents.md"
_MARKED = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def written(text: str) -> str:
    """The page with its tables made anew."""
    tables = {"elements": elements(), "rules": rules(), "twiml": twiml(), "roles": roles(), "sources": sources()}
    return _MARKED.sub(lambda found: f"{found[1]}\n{tables[found[2]]}\n\n{found[3]}", text)


def elements() -> str:
    return "\n\n".join(_element(element) for element in GRAMMAR.elements.values())


def _element(element: Element) -> str:
    within = ", ".join(f"`{key}`" for key in GRAMMAR.parents(element)) or "nothing: it is the root"
    title = element.name if "/" not in element.key else f"{element.name} in {element.key.partition('/')[0]}"
    since = f" Since {element.since}." if element.since else ""
    only = " Telnyx only." if element.telnyx_only else ""
    lines = [f"### {title}", "", f"{element.says}{only}{since} Within {within}. Source: {element.source}.", ""]
    if element.text:
        need = "needed" if element.text.required else "may be"
        lines += [f"Text ({need}): {_kind(element.text)}.", ""]
    if element.children:
        lines += [f"Holds {', '.join(f'`{name}`' for name in element.children)}.", ""]
    if element.attributes:
        lines += ["| Attribute | Is | Default |", "|---|---|---|"]
        lines += [_attribute(name, value, element) for name, value in element.attributes.items()]
    return "\n".join(lines).rstrip()


def _attribute(name: str, value: Value, element: Element) -> str:
    marks = [mark for mark, is_so in (("needed", value.required), ("Telnyx only", value.telnyx_only)) if is_so]
    marks += [f"since {value.since}"] if value.since and value.since != element.since else []
    marks += [f"with `{other}`" for other in (value.requires or value.only_with,) if other]
    marks += [f'with `{other}="{"/".join(them)}"`' for other, them in value.only_when.items()]
    marks += [f"TwiML's default is {value.twiml_default}"] if value.twiml_default else []
    note = f" {value.note}" if value.note else ""
    more = f" ({'; '.join(marks)})" if marks else ""
    default = "" if value.default is None else f"`{value.default}`"
    return f"| `{name}` | {_kind(value)}{more}.{note} | {default} |".replace("..", ".")


def _kind(value: Value) -> str:
    unit = f" {value.unit}" if value.unit else ""
    also = f" or {', '.join(value.also)}" if value.also else ""
    match value.type:
        case "enum":
            return " or ".join(
                [", ".join(f"`{one}`" for one in value.values[:-1])] * (len(value.values) > 1)
                + [f"`{value.values[-1]}`"]
            )
        case "list":
            return f"some of {', '.join(f'`{one}`' for one in value.values)}, with spaces between"
        case "integer" | "number":
            kind = "a whole number" if value.type == "integer" else "a number"
            return f"{kind} {_span(value)}{unit}{also}"
        case "url":
            return f"an address ({' or '.join(value.schemes)})"
        case "digits":
            return f"digits of a phone ({value.pattern.strip('+*').strip('[]')})".replace("|", "\\|")
        case _:
            return {"boolean": "`true` or `false`", "phone": "a phone number in E.164", "text": "text"}.get(
                value.type,
                {"pattern": "text of one form", "json": "JSON", "uuid": "a UUID"}.get(value.type, f"a {value.type}"),
            ).replace("a sip", "a SIP address")


def _span(value: Value) -> str:
    return f"from {value.min:g} to {value.max:g}" if value.max is not None else f"of at least {value.min:g}"


def rules() -> str:
    lines = ["| Rule | Level | Says |", "|---|---|---|"]
    return "\n".join(lines + [f"| {name} | {rule.level} | {rule.says} |" for name, rule in RULES.items()])


def twiml() -> str:
    lines = ["| TwiML | TeXML |", "|---|---|"]
    lines += [
        f"| `<{name}>` | {words.replace('<', '`<').replace('>', '>`')} |"
        for name, words in GRAMMAR.twiml_elements.items()
    ]
    for key, attributes in GRAMMAR.twiml_attributes.items():
        for name, one in attributes.items():
            lines.append(f"| `{name}` of `{key}` | {f'`{one.use}`' if one.use else one.note} |")
    return "\n".join(lines).replace("`>`", ">`").replace(">``<", "><")


def roles() -> str:
    lines = ["| Fetched for | Verbs | Source |", "|---|---|---|"]
    for role in GRAMMAR.roles.values():
        lines.append(f"| {role.says} | {', '.join(f'`{verb}`' for verb in role.verbs)} | {role.source} |")
    return "\n".join(lines)


def sources() -> str:
    return "\n".join(f"- {name}: {words}" for name, words in GRAMMAR.sources.items())


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
