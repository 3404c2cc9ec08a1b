"""Says what can be wrong with a document: the rules, how grave each is, and one finding of one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

Level = Literal["fatal", "error", "warning", "info"]
LEVELS: tuple[Level, ...] = ("fatal", "error", "warning", "info")


@dataclass(frozen=True, order=True)
class Finding:
    """Holds one thing that is wrong, and where: lines and columns count from 1, columns in characters."""

    line: int
    column: int
    rule: str
    level: Level
    message: str

    def as_json(self) -> dict[str, int | str]:
        return asdict(self)


@dataclass(frozen=True)
class Rule:
    """Describes a rule: how grave a finding of it is unless its own case says otherwise, and what it is about."""

    level: Level
    says: str


class Place(Protocol):
    """Is anything that stands somewhere in a document."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


RULES: Mapping[str, Rule] = {
    "X01": Rule("fatal", "The document is not well-formed XML."),
    "X02": Rule("fatal", "It declares a document type or an entity."),
    "X03": Rule(
        "fatal", "It is over a limit (size, depth, elements, attributes of one), or (warning) over half of the size."
    ),
    "X04": Rule("fatal", "Something stands before the XML declaration."),
    "X05": Rule("warning", "It declares another encoding than UTF-8, or (fatal) is not written in UTF-8."),
    "X06": Rule("warning", "It holds a processing instruction, a namespace or an attribute of XML's own."),
    "S01": Rule("error", "The root is not Response."),
    "S02": Rule("error", "An element is unknown: Telnyx skips it without an error."),
    "S03": Rule("error", "An element's name is written in another case."),
    "S04": Rule("error", "An element belongs to TwiML alone."),
    "S05": Rule("error", "An element stands where it is not allowed."),
    "S06": Rule("warning", "A text stands where none is read."),
    "S07": Rule("warning", "The document has no verb: the call would end at once."),
    "S08": Rule("error", "A Dial mixes a Conference or a Queue with others, or has two."),
    "S09": Rule("error", "Connect has not exactly one child, or Start or Stop has none."),
    "S10": Rule("error", "A text or a child that must be there is missing."),
    "A01": Rule("error", "An attribute is unknown: Telnyx ignores it."),
    "A02": Rule("error", "An attribute's name is written in another case."),
    "A03": Rule("error", "An attribute has its TwiML name."),
    "A04": Rule("error", "An attribute belongs to another element."),
    "V01": Rule("error", "A number is out of its range, or none."),
    "V02": Rule("error", "A value is not in its list, or not of its form."),
    "V03": Rule("error", "A value is neither true nor false."),
    "V04": Rule("error", "A list is separated by commas."),
    "V05": Rule("error", "An address is not valid, or of the wrong scheme."),
    "V06": Rule("warning", "An address is not encrypted."),
    "V07": Rule("error", "Digits hold what is no key of a phone."),
    "V08": Rule("error", "A phone number is not in E.164, or (warning) none of the account's."),
    "V09": Rule("error", "A SIP address is none."),
    "V10": Rule("warning", "A document or a callback is asked for by GET, which cannot be verified."),
    "V11": Rule("warning", "A method or a list of events has no address that it is for."),
    "V12": Rule("error", "An attribute that another one, or the element, needs is missing."),
    "V13": Rule("warning", "An attribute has no effect here."),
    "V14": Rule("error", "A model is of another vendor than the engine."),
    "V15": Rule("warning", "A voice has no known form."),
    "F01": Rule("warning", "A verb stands after the document's end: Redirect, Reject, Hangup or Leave."),
    "F02": Rule("warning", "A verb stands after one whose action takes over."),
    "F03": Rule("warning", "Reject is not the first verb: the call was answered and is charged."),
    "F04": Rule("warning", "Gather has no action: what is entered is lost."),
    "F05": Rule("warning", "Record has neither an action nor a callback."),
    "F06": Rule("warning", "Documents lead in a circle without asking for anything."),
    "F07": Rule("warning", "Pause stands after Connect."),
    "F08": Rule("warning", "Gather is last: silence ends the call."),
    "F10": Rule("error", "It leads to a document that is missing, not published or of another account."),
    "F11": Rule("error", "A verb is not allowed in what the document is fetched for."),
    "F12": Rule("info", "Something repeats without an end."),
    "F13": Rule("info", "A transcription hears what the document itself says."),
    "T01": Rule("error", "A section of the template is not closed, or does not match."),
    "T02": Rule("error", "The template asks for a value without escaping."),
    "T03": Rule("error", "The template uses something that is not there."),
    "T04": Rule("warning", "A value decides whom the call goes to, without a list of what is allowed."),
    "T05": Rule("warning", "A value stands in JSON or CDATA without the json filter."),
    "T06": Rule("warning", "A value stands in an address without the url filter."),
    "T07": Rule("warning", "A variable is neither Telnyx's nor declared: it is empty."),
    "T08": Rule("error", "A secret stands outside of HttpRequest: it would be spoken or sent."),
    "T09": Rule("error", "A value stands in the name of an element or an attribute."),
    "T10": Rule("info", "The link of a recording is handed on, and holds for ten minutes only."),
    "D01": Rule("info", "A default differs from TwiML's, and the document was imported."),
}


def found(rule: str, at: Place, message: str, level: Level | None = None) -> Finding:
    """Make a finding of ``rule`` where ``at`` stands."""
    return Finding(at.line, at.column, rule, level or RULES[rule].level, message)
