"""Judges an incoming call that nobody answered here: was it the caller's patience, or were we too slow or away?"""

from datetime import timedelta

from voice.explanations.judgement import never_placed
from voice.explanations.judgement.facts import Command
from voice.explanations.judgement.legs import Leg
from voice.explanations.judgement.verdicts import HIGH, MEDIUM, PORTAL, Verdict, after, span

_LATE = timedelta(seconds=3)
_LAG = "Look at the lag of the queue and at the workers."
_OTHERWISE = {
    "token": ("over REST", "Was the program running that answers?"),
    "user": ("by hand", "Was anybody there to answer?"),
}
_AT_ONCE = 5  # seconds; a caller who leaves sooner may have left before it could ring


def caller_gave_up(leg: Leg) -> Verdict:
    """Say why the caller was not answered before leaving."""
    return _ours(leg) or _patience(leg)


def no_command(leg: Leg) -> Verdict:
    """Say that Telnyx cut an incoming call because nothing was done with it in time."""
    seconds = leg.context.first_command_seconds or leg.setup
    sent = any(command.status == "ok" for command in leg.commands)
    what = "it was not answered" if sent else "no command came"
    _, question = _without_a_flow(leg) or ("", "Is there an active flow?")
    return Verdict(
        "first_command",
        "our_side",
        "us",
        f"Nobody here took the call: {what} within {span(seconds)}, and Telnyx cut it.",
        MEDIUM,
        f"{question} Do webhooks arrive, and are they worked off at once?",
    ).resting_on(leg.initiated)


def _ours(leg: Leg) -> Verdict | None:
    answers = [command for command in leg.commands if command.action == "answer"]
    for answer in answers:
        if found := _of_the_answer(leg, answer):
            return found.resting_on(answer)
    return _of_the_event(leg, answers)


def _of_the_answer(leg: Leg, answer: Command) -> Verdict | None:
    waited = after(leg.setup)
    if answer.status == "refused" and not answer.was_faster_than_us:
        _, row = never_placed.refusal(answer)
        reason = f" ({answer.reason})" if answer.reason else ""
        return _verdict(
            "answer_refused", f"We could not answer: {row.means}{reason}; the caller left{waited}.", row.next_step
        )
    if answer.status == "expired" and answer.settlement:
        why = never_placed.short(answer.settlement)
        sentence = f"Our answer was sent, and counted as not carried out ({why}); the caller left{waited}."
        return _verdict("answer_settled", sentence, "").capped(MEDIUM)
    if answer.status in {"expired", "queued"}:
        held = never_placed.held_words(answer, leg.context)
        if held:
            sentence = f"We could not answer, the caller left{waited}: our answer was {held}."
            return _verdict("answer_held_back", sentence, "See to the reason, and close the breaker if it is open.")
        is_late = answer.status == "queued" or "too late" in answer.words.lower()
        why = f" ({never_placed.short(answer.words)})" if answer.words else ""
        sentence = f"Our answer was never sent{why}; the caller left{waited}."
        return _verdict("answer_not_sent", sentence, _LAG if is_late else "")
    heard = (leg.initiated.received_at or leg.initiated.at) if leg.initiated else leg.started_at
    if answer.sent_at is not None and heard is not None and answer.sent_at - heard > _LATE:
        late = span((answer.sent_at - heard).total_seconds())
        sentence = f"We answered too late: {late} after Telnyx told us of the call, and the caller had left."
        return _verdict("answered_late", sentence, _LAG)
    return None


def _of_the_event(leg: Leg, answers: list[Command]) -> Verdict | None:
    event, waited = leg.initiated, after(leg.setup)
    if event is None:
        return None
    if event.is_recovered:
        sentence = f"Our webhook was down: we learned of the call only later, and the caller left{waited}."
        return _verdict("webhook_down", sentence, "Look at the inbox for what kept webhooks away.").resting_on(event)
    if event.received_at is not None and event.received_at - event.at > _LATE:
        late = span((event.received_at - event.at).total_seconds())
        sentence = f"Telnyx could not reach us at first: its webhook came {late} late; the caller left{waited}."
        return _verdict("webhook_late", sentence, "Look at the deliveries of this webhook.").resting_on(event)
    if not answers and leg.context.is_old_format:
        sentence = f"We could not answer: webhooks come in the old format; the caller left{waited}."
        return _verdict("old_format", sentence, "Set the application's webhook API version to 2.")
    if not leg.commands and leg.context.has_flow is False:
        return _unasked(leg, waited)
    return None


def _unasked(leg: Leg, waited: str) -> Verdict:
    """Say that no flow was there to answer, and nobody else asked for anything before the caller left."""
    if found := _without_a_flow(leg):
        how, question = found
        sentence = f"Nobody answered it: this application had no flow, its calls were answered {how}; "
        sentence += f"the caller left{waited}."
        return Verdict("nobody_answered", "not_answered", "caller", sentence, MEDIUM, question, source=PORTAL)
    sentence = f"Nothing here answers this application: it had no active flow; the caller left{waited}."
    return _verdict("no_flow", sentence, "Make a flow for the application, or switch its flow on.").capped(MEDIUM)


def _without_a_flow(leg: Leg) -> tuple[str, str] | None:
    """Word how calls of its application are answered without a flow, and what to ask when one is not; None: not."""
    return _OTHERWISE.get(leg.context.answered_by.partition(":")[0])


def _verdict(code: str, sentence: str, next_step: str) -> Verdict:
    return Verdict(code, "our_side", "caller", sentence, HIGH, next_step, source=PORTAL)


def _patience(leg: Leg) -> Verdict:
    seconds = leg.setup
    early = ", before it could ring" if seconds is not None and seconds < _AT_ONCE else ""
    sentence = f"The caller hung up after waiting {span(seconds)}{early}."
    return Verdict("caller_gave_up", "not_answered", "caller", sentence, HIGH, "Call back, if it matters.")
