"""Judges documents that lead to each other: missing ones, circles, verbs that do not run where they are fetched."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from portal.texml import tree
from portal.texml.findings import Finding, found
from portal.texml.grammar import GRAMMAR, Value
from portal.texml.judging.rules.context import Context
from portal.texml.judging.rules.flow import misplaced
from portal.texml.judging.rules.placeholders import is_filled, unconditional

_ASKS = {"Gather", "Record", "AIGather", "Pay", "Dial", "Enqueue", "Connect", "Hangup"}  # or waits, or ends
_LEAVES = {"Leave", "Hangup", "Redirect"}
_METHODS = ("action", "url", "waitUrl", "invalidDigitsAction")  # attributes whose address answers with a document


@dataclass(frozen=True)
class Link:
    """Leads from an element of a document to an address."""

    element: tree.Element
    to: str  # without query and fragment
    role: str
    is_redirect: bool  # taken whatever the values are


def links(context: Context, address: str) -> Iterator[Link]:
    """Yield where a document at ``address`` leads to. An address that is only known at the fetch is left out."""
    always = {id(element) for element in unconditional(context.document.root)}
    for element, meaning in context.known():
        for attribute in element.attributes:
            value = meaning.attributes.get(attribute.name)
            if value and value.type == "url" and attribute.name in _METHODS:
                yield from _link(element, attribute.value, address, value, False)
        if meaning.key == "Redirect" and meaning.text:
            counts = is_filled(element.text)  # a value in the query can count how often
            yield from _link(element, element.text, address, meaning.text, id(element) in always and not counts)


def _link(element: tree.Element, given: str, address: str, value: Value, is_redirect: bool) -> Iterator[Link]:
    path = given.strip().partition("?")[0].partition("#")[0]
    if is_filled(path) or "ws" in value.schemes:
        return
    try:
        to = urljoin(address, path) if path else address
        urlsplit(to)
    except ValueError:  # no address at all, which V05 tells
        return
    yield Link(element, to, value.role, is_redirect)


def findings(contexts: Mapping[str, Context], hosted: str, absent: Mapping[str, str]) -> Iterator[tuple[str, Finding]]:
    """Yield addresses with what is wrong there. Parameters: see ``linter.lint_together``."""
    found_links = {address: list(links(context, address)) for address, context in contexts.items()}
    for address, out in found_links.items():
        for link in out:
            if link.to in absent:
                yield address, found("F10", link.element, f"It leads to a document that {absent[link.to]}.")
            elif _is_elsewhere(link.to, hosted):
                message = f"Documents lie at {urlsplit(hosted).netloc} here: this host is none of ours."
                yield address, found("V05", link.element, message)
            elif hosted and link.to.startswith(hosted) and link.to not in contexts:
                yield address, found("F10", link.element, "It leads to a document that does not exist.")
            elif link.is_redirect and link.to == address:
                message = "It leads to itself: without a counter the call never ends."
                yield address, found("F06", link.element, message)
            elif link.to in contexts and link.role:
                yield from _in_role(link, contexts[link.to])
                yield from ((address, one) for one in _endless(link, contexts[link.to]))
    yield from _circles(contexts, found_links)


def _is_elsewhere(address: str, hosted: str) -> bool:
    """Tell whether an address has the path of our documents, and another host: a copy from another portal."""
    ours, other = urlsplit(hosted), urlsplit(address)
    return len(ours.path) > 1 and other.path.startswith(ours.path) and other.netloc not in {"", ours.netloc}


def _in_role(link: Link, target: Context) -> Iterator[tuple[str, Finding]]:
    for verb in target.document.root.children:
        if verb.name in GRAMMAR.verbs and verb.name not in GRAMMAR.roles[link.role].verbs:
            yield link.to, misplaced(verb, link.role)


def _endless(link: Link, target: Context) -> Iterator[Finding]:
    names = {element.name for element in target.document.walk()}
    if link.role == "wait" and not names & _LEAVES and link.element.get("maxWaitTimeSecs") is None:
        yield found(
            "F12", link.element, "What callers hear while they wait has no Leave or Hangup: it repeats for hours."
        )


def _circles(contexts: Mapping[str, Context], out: Mapping[str, list[Link]]) -> Iterator[tuple[str, Finding]]:
    """Yield circles of redirects between documents that ask for nothing. Each document is told of its own once."""
    silent = {
        address: [link for link in out[address] if link.is_redirect and link.to != address]
        for address, context in contexts.items()
        if not any(element.name in _ASKS for element in context.document.root.children)
    }
    for start, first_links in silent.items():
        seen, waiting = set[str](), [(link.to, link) for link in first_links]
        while waiting:
            at, first = waiting.pop()
            if at == start:
                message = "Documents lead in a circle from here without asking for anything: the call never ends."
                yield start, found("F06", first.element, message)
                break
            if at in silent and at not in seen:
                seen.add(at)
                waiting += [(link.to, first) for link in silent[at]]
