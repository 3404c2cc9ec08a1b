"""Judges a leg that we ended: by a hang-up or a reject of ours that Telnyx took, sent just before the end."""

from datetime import timedelta

from voice.explanations.judgement.facts import Command, Event
from voice.explanations.judgement.legs import DETECTION, Leg
from voice.explanations.judgement.verdicts import HIGH, MEDIUM, PORTAL, Verdict, actor, after

ENDING = frozenset({"hangup", "reject", "texml.calls.hang_up"})
_BEFORE, _AFTER = timedelta(seconds=10), timedelta(seconds=1)
_BECAUSE = timedelta(seconds=3)
_FAILED = {
    "call.playback.ended": "an audio file could not be played",
    "call.speak.ended": "a text could not be spoken",
    "call.recording.error": "the recording failed",
    "streaming.failed": "the audio stream failed",
    "call.streaming.failed": "the audio stream failed",
    "siprec.failed": "the copy of the audio (SIPREC) failed",
    "call.siprec.failed": "the copy of the audio (SIPREC) failed",
    "call.conversation.start_failed": "the assistant could not start",
}
_WELL = {"completed", "cancelled", "cancelled_amd", "call_hangup", ""}


def judge(leg: Leg) -> Verdict | None:
    """Say that we ended it, and by whom; None when no command of ours did."""
    command = _ending_command(leg)
    if command is None or leg.ended_at is None:
        return None
    is_sure = command.status == "ok" and not (command.was_faster_than_us and command.was_lost)
    verdict = _worded(leg, command)
    if not is_sure:
        words = verdict.sentence[:1].lower() + verdict.sentence[1:]
        verdict = Verdict(
            verdict.code,
            verdict.category,
            "us",
            f"Probably {words}",
            MEDIUM,
            verdict.next_step or "See what became of the command.",
            verdict.evidence,
            source=PORTAL,
        )
    return verdict.resting_on(command)


def _ending_command(leg: Leg) -> Command | None:
    """Find the first command that can have ended the leg: taken by Telnyx, and not after the others were faster."""
    end = leg.ended_at
    for command in leg.commands:
        if command.action not in ENDING or command.sent_at is None or end is None:
            continue
        is_taken = command.status in {"ok", "uncertain", "sending"}
        if command.was_faster_than_us and not command.was_lost:
            is_taken = False
        if is_taken and end - _BEFORE <= command.sent_at <= end + _AFTER:
            return command
    return None


def _worded(leg: Leg, command: Command) -> Verdict:
    by = actor(command.by)
    if command.action == "reject":
        return _rejected(command, by)
    if not leg.was_answered:
        return _before_the_answer(leg, command, by)
    if machine := _just_before(leg, command, *DETECTION):
        return _after_a_machine(leg, machine, by)
    if (gathered := _just_before(leg, command, "call.gather.ended")) and (found := _after_a_menu(leg, gathered, by)):
        return found
    if failure := _failure_before(leg, command):
        return Verdict(
            "we_hung_up_failure",
            "our_side",
            "us",
            f"We hung up{after(leg.talk)} because {_FAILED[failure.type]}: {by}.",
            HIGH,
            "Correct the file, the address or the service that failed.",
            source=PORTAL,
        ).resting_on(failure)
    following = "Open the rule, should it not have done so." if command.by.startswith("rule:") else ""
    return Verdict(
        "we_hung_up", "completed", "us", f"We hung up{after(leg.talk)}: {by}.", HIGH, following, source=PORTAL
    )


def _rejected(command: Command, by: str) -> Verdict:
    following = "Open the rule, should it not have done so." if command.by.startswith("rule:") else ""
    if str(command.parameter("cause") or "").upper() == "USER_BUSY":
        words, code, category = f"We let the caller hear busy: {by}.", "we_busy", "busy"
    else:
        words, code, category = f"We rejected the call: {by}.", "we_rejected", "rejected"
    return Verdict(code, category, "us", words, HIGH, following, source=PORTAL)


def _before_the_answer(leg: Leg, command: Command, by: str) -> Verdict:
    if leg.is_incoming:
        words = f"We ended the call{after(leg.setup)} without answering it: {by}."
        following = "Open the rule." if command.by.startswith("rule:") else ""
    else:
        words = f"We gave up{after(leg.setup)}, before anyone answered: {by}."
        following = "Let it ring longer, should that be too short."
    return Verdict("we_gave_up", "not_answered", "us", words, HIGH, following, source=PORTAL)


def _after_a_machine(leg: Leg, event: Event, by: str) -> Verdict:
    result = leg.machine
    if result == "fax_detected":
        words, following = "A fax answered", "Mark the number as a fax."
    elif result.startswith("human"):
        words, following = "A person answered", ""
    elif result in {"not_sure", "silence", ""}:
        words, following = "Detection could not tell who answered", "Say something before hanging up in such a case."
    else:
        words, following = "A machine answered", "Leave a message on the voicemail instead?"
    sentence = f"{words}; we hung up{after(leg.talk)}: {by}."
    return Verdict("we_hung_up_machine", "completed", "us", sentence, HIGH, following, source=PORTAL).resting_on(event)


def _after_a_menu(leg: Leg, event: Event, by: str) -> Verdict | None:
    status = str(event.payload.get("status") or "")
    person = "The caller" if leg.is_incoming else "The called party"
    pressed = {"timeout": "pressed nothing", "invalid": "pressed a wrong key"}.get(status)
    if pressed is None:
        return None
    sentence = f"{person} {pressed} and we hung up after the menu: {by}."
    following = "Look at the menu's prompt, its timeout and how often it asks again."
    return Verdict("we_hung_up_menu", "completed", "us", sentence, HIGH, following, source=PORTAL).resting_on(event)


def _just_before(leg: Leg, command: Command, *beginnings: str) -> Event | None:
    """Return the last event of that kind, if the command may be its consequence."""
    event, sent = leg.last(*beginnings), command.sent_at or command.created_at
    return event if event and timedelta(seconds=-1) <= sent - event.at <= _BECAUSE else None


def _failure_before(leg: Leg, command: Command) -> Event | None:
    sent = command.sent_at or command.created_at
    for event in reversed(leg.events):
        if event.type in _FAILED and timedelta(seconds=-1) <= sent - event.at <= _BECAUSE:
            status = str(event.payload.get("status") or "")
            if not event.type.endswith(".ended") or status not in _WELL:
                return event
    return None
