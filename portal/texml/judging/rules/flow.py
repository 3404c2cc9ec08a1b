"""Judges what a document would do from top to bottom: the rules F, as far as one document tells."""

from collections.abc import Iterator
from itertools import pairwise

from portal.texml import tree
from portal.texml.findings import Finding, Level, found
from portal.texml.grammar import GRAMMAR
from portal.texml.judging.rules.context import Context
from portal.texml.judging.rules.placeholders import Branches, never_both, places

_ENDS: dict[str, Level | None] = {"Redirect": None, "Reject": None, "Hangup": None, "Leave": "info"}
_HANDS_OVER = {"Dial", "Record", "Enqueue", "Refer", "AIGather", "Pay", "Connect"}  # to their action
_MOST_PLACES = 100  # that a verb is compared with: a document may have a branch for each of its verbs


def findings(context: Context) -> Iterator[Finding]:
    """Yield what is odd about the order of the verbs, and about what comes of them."""
    verbs = [child for child in context.document.root.children if child.name in GRAMMAR.verbs]
    where = places(context.document.root)
    yield from _never_reached(verbs, where)
    yield from _order(verbs, where)
    yield from _heard_itself(verbs, where)
    for element, meaning in context.known():
        if meaning.key == "Gather":
            yield from _gather(element)
        elif meaning.key == "Record" and not any(
            element.get(name) is not None for name in ("action", "recordingStatusCallback", "transcriptionCallback")
        ):
            yield found(
                "F05", element, "Without action and recordingStatusCallback the recording is told over REST only."
            )
        if element.get("loop") == "0" and "loop" in meaning.attributes:
            yield found("F12", element, f"<{element.name}> repeats until the caller hangs up.")
    if role := GRAMMAR.roles.get(context.surroundings.role):
        for verb in verbs:
            if verb.name not in role.verbs:
                yield misplaced(verb, context.surroundings.role)


def misplaced(verb: tree.Element, role: str) -> Finding:
    """Say that a verb does not run in what the document is fetched for."""
    what = GRAMMAR.roles[role]
    return found("F11", verb, f"<{verb.name}> does not run in {what.says}. Allowed: {', '.join(what.verbs)}.")


def _never_reached(verbs: list[tree.Element], where: dict[int, Branches]) -> Iterator[Finding]:
    for verb, following in pairwise(verbs):
        if where[id(verb)]:  # only with some values
            continue
        if verb.name in _ENDS:
            message = f"<{following.name}> is never reached: <{verb.name}> stands before it."
            yield found("F01", following, message, _ENDS[verb.name])
            return
        if _hands_over(verb):
            message = f"<{following.name}> is never reached: the action of <{verb.name}> takes over."
            yield found("F02", following, message)
            return


def _hands_over(verb: tree.Element) -> bool:
    """Tell whether its action takes over; of Connect only an assistant's or a relay's does."""
    is_stream = verb.name == "Connect" and any(child.name == "Stream" for child in verb.children)
    return verb.name in _HANDS_OVER and verb.get("action") is not None and not is_stream


def _order(verbs: list[tree.Element], where: dict[int, Branches]) -> Iterator[Finding]:
    before, connected = dict[Branches, None](), dict[Branches, None]()
    for verb in verbs:
        here = where[id(verb)]
        if verb.name == "Reject" and _meets(here, before):
            yield found("F03", verb, "Only as the first verb Reject is free: before it, the call was answered.")
        if verb.name == "Pause" and _meets(here, connected):
            yield found("F07", verb, "After Connect this is a dead line, and it cuts off a caller who was transferred.")
        before[here] = None
        if verb.name == "Connect":
            connected[here] = None
    if verbs and verbs[-1].name == "Gather":
        yield found("F08", verbs[-1], "Gather is last: a caller who enters nothing is hung up on.")


def _meets(here: Branches, others: dict[Branches, None]) -> bool:
    """Tell whether a fetch may have this place and one of the others."""
    return any(not never_both(here, other) for other in list(others)[-_MOST_PLACES:])


def _heard_itself(verbs: list[tree.Element], where: dict[int, Branches]) -> Iterator[Finding]:
    """Yield transcriptions of what Telnyx says in the call, if the document says something meanwhile."""
    listens: tree.Attribute | None = None
    begun: Branches = ()
    for verb in verbs:
        for child in verb.children:
            if child.name == "Transcription" and verb.name in ("Start", "Stop"):
                listens = _tracks(child) if verb.name == "Start" else None
                begun = where[id(verb)]
        speaks = next((one.name for one in (verb, *verb.children) if one.name in ("Say", "Play")), "")
        if listens and speaks and not never_both(begun, where[id(verb)]):
            message = f"What <{speaks}> says is transcribed as well: with inbound only the caller is."
            yield found("F13", listens, message)
            listens = None


def _tracks(transcription: tree.Element) -> tree.Attribute | None:
    written = (one for one in transcription.attributes if one.name == "transcriptionTracks")
    return next((one for one in written if one.value in ("both", "outbound")), None)


def _gather(gather: tree.Element) -> Iterator[Finding]:
    if gather.get("action") is None and gather.get("partialResultCallback") is None:
        yield found("F04", gather, "Without action what is entered is lost.")
    if gather.get("numDigits") == "1" and gather.get("finishOnKey"):
        message = f"One digit ends it already: {gather.get('finishOnKey')} cannot be chosen then."
        yield found("F04", gather, message, "info")
