"""Adds remarks to a verdict, which change nothing in it: poor sound, a machine, spam, what came late."""

from collections.abc import Iterator

from portal.texts import pluralised
from voice.calls import measures
from voice.explanations.judgement import never_placed
from voice.explanations.judgement.facts import Command
from voice.explanations.judgement.legs import Leg
from voice.explanations.judgement.verdicts import span

_POOR, _BAD, _LOSS, _SHORT = 3.6, 3.1, 0.02, 6.0
_NOTICED = 1.0  # seconds of silence
_MACHINES = {
    "machine": "a machine was detected",
    "fax_detected": "a fax was detected",
    "silence": "detection heard silence",
    "not_sure": "detection was not sure who answered",
    "beep_detected": "a machine was detected (its beep)",
}


def of_leg(leg: Leg) -> Iterator[str]:
    """List what is remarkable of the leg, whoever ended it."""
    yield from _of_the_telling(leg)
    yield from _of_trust(leg)
    if leg.machine in _MACHINES:
        yield _MACHINES[leg.machine]
    if leg.first("call.machine.premium.call_screening.detected"):
        yield "the phone asked who calls"
    yield from _of_refusals(leg)
    if leg.hangup is not None and leg.was_answered:
        yield from _of_sound(leg)
        yield from _of_its_course(leg)


def _of_the_telling(leg: Leg) -> Iterator[str]:
    if leg.hangup is None:
        return
    if leg.hangup.is_recovered:
        yield "learned later from Telnyx's record"
    if leg.end_was_asked:
        yield "its hang-up was never reported"
    if leg.hangup.attempt > 1:
        yield f"reported at attempt {leg.hangup.attempt}"
    if leg.initiated is None and not leg.hangup.is_texml:
        yield "its beginning was never reported"
    if leg.was_answered and leg.answered_at is None:
        yield "its answer was never reported"
    cost = leg.last("call.cost")
    if cost is not None and cost.payload.get("status") == "error":
        yield "its cost was not reported"


def _of_trust(leg: Leg) -> Iterator[str]:
    screened = str(leg.told("call_screening_result") or "")
    if "spam" in screened:
        yield "marked likely spam"
    told = measures.trust({name: leg.told(name) for name in ("shaken_stir_attestation", "shaken_stir_validated")}) or {}
    if leg.is_incoming and (told.get("attestation") in {"C", "none"} or told.get("attestation_valid") is False):
        yield "the caller's number is not attested"


def _of_refusals(leg: Leg) -> Iterator[str]:
    for command in leg.commands:
        if command.status == "refused" and not command.was_faster_than_us and command.action != "transfer":
            yield f"a command was refused: {command.action} ({_why_refused(command)})"
        elif _was_held_for_long(command) and command.action not in {"answer", "dial"}:
            yield f"a command was {never_placed.held_words(command, leg.context)} ({command.action})"


def _why_refused(command: Command) -> str:
    answered = "" if command.settlement else command.http_status  # else of an answer that told nothing
    told = command.reason or command.code or answered or never_placed.short(command.words)
    return str(told or "without a reason")


def _was_held_for_long(command: Command) -> bool:
    """Tell whether somebody on the line could notice: each command waits a moment for the one before it."""
    if command.held_since is None:
        return False
    return command.held_until is None or (command.held_until - command.held_since).total_seconds() >= _NOTICED


def _of_sound(leg: Leg) -> Iterator[str]:
    heard = measures.sound({"call_quality_stats": leg.told("call_quality_stats")}) or {}
    mos = heard.get("mos")
    if mos is not None and mos < _POOR:
        yield f"{'bad' if mos < _BAD else 'poor'} sound (MOS {mos:.2f})"
    for name, way in (("from them", "in"), ("to them", "out")):
        packets, lost = heard.get(f"packets_{way}"), heard.get(f"skipped_{way}")
        if packets == 0:
            yield f"no audio {name}"
        elif packets and lost and lost / packets > _LOSS:
            yield f"{100 * lost / packets:.0f} % of the audio {name} was lost"


def _of_its_course(leg: Leg) -> Iterator[str]:
    prompt = next((one for one in leg.commands if one.action in {"speak", "start_playback"} and one.sent_at), None)
    ended = leg.ended_at
    seconds = (ended - prompt.sent_at).total_seconds() if prompt and prompt.sent_at and ended else None
    if seconds is not None and 0 <= seconds < _SHORT and leg.was_ended_by_its_person:
        yield f"hung up {span(seconds)} after our first words"
    if leg.context.same_length:
        others = pluralised(leg.context.same_length, "other call", "other calls")
        yield f"cut after the same time as {others}: probably a timer in the network, not a person"
