"""Holds what the rules judge: a document, what its elements mean, and what is known around it."""

from collections.abc import Iterator
from dataclasses import dataclass

from portal.texml import tree
from portal.texml.grammar import GRAMMAR, ROOT, Element


@dataclass(frozen=True)
class Surroundings:
    """Tells what a document alone does not: without it, the rules that need it find nothing."""

    role: str = ""  # of the grammar's: what it is fetched for
    numbers: frozenset[str] | None = None  # of the account, in E.164; None when they are not known
    variables: frozenset[str] = frozenset()  # that are declared
    is_imported: bool = False  # from TwiML
    voice_method: str = ""  # by which the application fetches it


NOTHING_KNOWN = Surroundings()


class Context:
    """Holds a document beside what its elements mean.

    A name in another case is taken for what it was meant to be, so that what stands in it is judged as well.
    """

    def __init__(self, document: tree.Document, surroundings: Surroundings = NOTHING_KNOWN) -> None:
        self.document = document
        self.surroundings = surroundings
        self._meanings: dict[int, Element | None] = {}
        self._learn(document.root, None)

    def _learn(self, element: tree.Element, parent: Element | None) -> None:
        if element is self.document.root:
            meaning = GRAMMAR.elements[ROOT] if element.name.lower() == ROOT.lower() else None
        elif parent is None or (element.name in GRAMMAR.twiml_elements and element.name not in parent.children):
            meaning = None
        else:
            meaning = GRAMMAR.element(element.name, parent.name) or GRAMMAR.element(
                next((name for name in parent.children if name.lower() == element.name.lower()), ""), parent.name
            )
        self._meanings[id(element)] = meaning
        for child in element.children:
            self._learn(child, meaning)

    def meaning(self, element: tree.Element) -> Element | None:
        """Return what an element means; None for one that nobody knows, and for all that stands in it."""
        return self._meanings[id(element)]

    def known(self) -> Iterator[tuple[tree.Element, Element]]:
        """Yield all elements whose meaning is known, in the order of the document."""
        for element in self.document.walk():
            if meaning := self.meaning(element):
                yield element, meaning
