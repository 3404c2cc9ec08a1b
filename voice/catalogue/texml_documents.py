"""Reads from a TeXML document whom it calls. A document that Telnyx fetches from an address is never seen here."""

from xml.parsers import expat

_CALLED = {"dial", "number", "sip"}  # whose text is whom to call; a conference's or a queue's is a name


class Unreadable(ValueError):
    """Says in words, with line and column, why a document cannot be read."""


def called(document: str) -> list[tuple[str, str]]:
    """List whom the document would call: the element, in lower case, and its text. Raises ``Unreadable``.

    Telnyx ignores an element of another case; here it counts. Declarations are refused: an entity can hide a number.
    """
    parser = expat.ParserCreate("utf-8")  # whatever it declares: a text in JSON has no other
    open_elements: list[tuple[str, list[str]]] = []
    found: list[tuple[str, str]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        open_elements.append((name.rpartition(":")[2].lower(), []))

    def end(name: str) -> None:
        element, texts = open_elements.pop()
        if element in _CALLED and (text := "".join(texts).strip()):
            found.append((element, text))

    def text(data: str) -> None:
        if open_elements:
            open_elements[-1][1].append(data)

    def declaration(version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.lower() != "utf-8":
            raise Unreadable(f"The declared encoding {encoding} is not allowed: use UTF-8.")

    def doctype(*_: object) -> None:
        raise Unreadable("A document type declaration is not allowed.")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text, doctype
    parser.XmlDeclHandler = declaration
    try:
        parser.Parse(document.encode(), True)
    except expat.ExpatError as error:
        why = expat.errors.messages.get(error.code, "it cannot be parsed")
        raise Unreadable(f"Not well-formed XML, line {error.lineno}, column {error.offset + 1}: {why}.") from None
    return found
