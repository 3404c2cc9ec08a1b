"""Decides which rule says why a leg ended: the first that fits. A session is told by its first leg."""

from dataclasses import replace
from datetime import timedelta

from voice.explanations.judgement import by_cause, flags, legs, never_placed, our_doing
from voice.explanations.judgement.facts import Command, Event, Facts
from voice.explanations.judgement.legs import Leg, Session
from voice.explanations.judgement.telnyx_codes import REASONS, reason_in
from voice.explanations.judgement.verdicts import DELIVERIES, HIGH, LOW, MEDIUM, Verdict, after, span

_TOGETHER, _SOON, _CLOSE = timedelta(milliseconds=300), timedelta(seconds=2), timedelta(seconds=3)
_LIMIT_SLACK, _LONGEST_CALL = 1.5, 14_400
_SPECIFIC = ("busy", "rejected", "not_answered", "unreachable", "carrier")


def judge(facts: Facts) -> Verdict:
    """Say why the session ended: the verdict of its first leg, and what became of a transfer."""
    session = legs.read(facts)
    if session.legs:
        return _of_first(session)
    dials = [command for command in session.loose if command.is_dial] or list(session.loose)
    if dials:
        return _of_dials(dials, session)
    return Verdict("never_seen", "unknown", "unknown", "Nothing is known of this call here.", LOW, DELIVERIES)


def judge_legs(facts: Facts) -> dict[str, Verdict]:
    """Say it of each leg, by its ``call_control_id``; the first one's is the session's."""
    session = legs.read(facts)
    return {
        leg.control_id: _of_first(session) if session.is_first(leg) else _of_leg(session, leg) for leg in session.legs
    }


def judge_command(command: Command, facts: Facts) -> Verdict:
    """Say why what a command asked for never became a call."""
    return never_placed.judge(command, facts.context)


def _of_dials(dials: list[Command], session: Session) -> Verdict:
    """Of several targets that were never placed, the most specific."""
    found = [never_placed.judge(command, session.context) for command in dials]
    return min(found, key=lambda one: _SPECIFIC.index(one.category) if one.category in _SPECIFIC else len(_SPECIFIC))


def _of_first(session: Session) -> Verdict:
    leg = session.legs[0]
    verdict = _of_leg(session, leg)
    for command in leg.commands_named("transfer", "refer"):
        verdict = _with_transfer(session, leg, command, verdict)
    return verdict


def _of_leg(session: Session, leg: Leg) -> Verdict:
    if leg.hangup is None:
        return _without_end(session, leg).flagged(flags.of_leg(leg)).resting_on(leg.events[-1])
    verdict = _ended(session, leg, with_others=True)
    return verdict.resting_on(leg.hangup).flagged(flags.of_leg(leg))


def _ended(session: Session, leg: Leg, *, with_others: bool) -> Verdict:
    verdict = (
        our_doing.judge(leg)
        or _by_time_limit(session, leg)
        or _by_reason(leg)
        or (_by_another_leg(session, leg) if with_others else None)
        or _by_what_happened(session, leg)
        or by_cause.judge(session, leg)
    )
    lacks_answer = leg.was_answered and leg.answered_at is None
    is_whole = leg.initiated is not None and not lacks_answer and not leg.end_was_asked
    return verdict if is_whole else verdict.capped(MEDIUM)


def _by_time_limit(session: Session, leg: Leg) -> Verdict | None:
    limit, action = _time_limit(session, leg)
    is_at_limit = limit is not None and leg.talk is not None and abs(leg.talk - limit) <= _LIMIT_SLACK
    # Telnyx's specification: the cause is then time_limit. Of any other, a person who is named hung up at that moment
    may_be_cut = leg.cause == "normal_clearing" and leg.was_answered and not leg.was_ended_by_its_person
    if leg.cause != "time_limit" and not (is_at_limit and may_be_cut and not _hung_up_beside(session, leg)):
        return None
    seconds = limit or leg.talk
    set_by = f", set by {action}" if action else ""
    confidence = HIGH if leg.cause == "time_limit" else MEDIUM
    sentence = f"Cut at the time limit of {span(seconds)}{set_by}."
    return Verdict(
        "time_limit", "completed", "telnyx", sentence, confidence, "Raise the limit: time_limit_secs, 30 to 14400."
    )


def _hung_up_beside(session: Session, leg: Leg) -> bool:
    """Tell whether the person of another leg, to which this one was connected, is named as who hung up just then."""
    near = session.ended_near(leg, _SOON, _TOGETHER)
    return any(other.was_ended_by_its_person and _were_connected(leg, other) for other in near)


def _time_limit(session: Session, leg: Leg) -> tuple[float | None, str]:
    made_by = session.transfer_to(leg)
    own = (command for command in leg.commands if command.action != "transfer")  # its limit is the target's
    for command in (*own, *((made_by,) if made_by else ())):
        limit = command.parameter("time_limit_secs", "TimeLimit")
        if isinstance(limit, int | float) and not isinstance(limit, bool):
            return float(limit), command.action
    return (float(_LONGEST_CALL), "Telnyx's default") if leg.talk and leg.talk > _LONGEST_CALL - 2 else (None, "")


def _by_reason(leg: Leg) -> Verdict | None:
    if leg.hangup is None:
        return None
    reason = reason_in(leg.hangup.payload.get("telnyx_error"), leg.hangup.payload.get("hangup_cause"))
    return by_cause.by_reason(leg, reason) if reason in REASONS else None


def _by_another_leg(session: Session, leg: Leg) -> Verdict | None:
    """Tell whether another leg, to which this one was connected, ended first: then that one's end explains this."""
    end = leg.ended_at
    for other in session.ended_near(leg, _SOON, _TOGETHER):
        if other.ended_at is None or end is None or not _were_connected(leg, other):
            continue
        if other.end_was_asked and leg.was_ended_by_its_person:
            continue  # Telnyx tells who hung up here, and of the other end no more than when it was
        lead = end - other.ended_at
        ended_first = timedelta(0) < lead <= _SOON
        if abs(lead) <= _TOGETHER and leg.was_ended_by_its_person != other.was_ended_by_its_person:
            ended_first = other.was_ended_by_its_person
        elif leg.was_ended_by_its_person and abs(lead) <= _TOGETHER:
            ended_first = False
        if ended_first:
            return _explained(session, leg, other)
    return None


def _explained(session: Session, leg: Leg, other: Leg) -> Verdict:
    found = _ended(session, other, with_others=False)
    sentence = f"{found.sentence.rstrip('.')}; then the line was closed."
    if session.is_first(leg) and found.code == "hung_up":
        number = other.told("to") or ""
        sentence = (
            f"The party put through to{f' ({number})' if number else ''} hung up{after(other.talk, 'after talking')}; "
        )
        sentence += "then the line was closed."
    return replace(found, code=f"other_leg_{found.code}"[:40], sentence=sentence).resting_on(other.hangup)


def _were_connected(leg: Leg, other: Leg) -> bool:
    if leg.bridged_at is None and other.bridged_at is None:
        return False
    if leg.bridged_at is not None and other.bridged_at is not None:
        return abs(leg.bridged_at - other.bridged_at) <= _SOON
    return True


def _by_what_happened(session: Session, leg: Leg) -> Verdict | None:
    """Judge by a queue, a conference, an assistant, a hand-over, a transfer that did not come to be."""
    end = leg.ended_at
    if (left := leg.last("call.dequeued")) and left.payload.get("reason") == "hangup" and leg.was_ended_by_its_person:
        waited = left.payload.get("wait_time_secs")
        at = f", at place {left.payload['queue_position']}" if left.payload.get("queue_position") else ""
        sentence = f"The caller left the queue{after(waited if isinstance(waited, int) else None)}{at}."
        following = "How long do callers wait there? Is anybody taking calls?"
        return Verdict("left_queue", "not_answered", "caller", sentence, HIGH, following).resting_on(left)
    if done := leg.first("call.refer.completed"):
        target = next((one.parameter("sip_address") for one in leg.commands_named("refer")), None)
        sentence = f"Handed over by REFER{f' to {target}' if target else ''}; we are out of the call since."
        return Verdict("handed_over", "completed", "us", sentence, HIGH, "Ask whom it was handed to.").resting_on(done)
    if leg.was_ended_by_its_person and leg.is_incoming and (target := _unfinished_transfer(session, leg)):
        sentence = f"The caller hung up while being put through, {after(leg.talk).strip() or 'after the answer'}."
        return Verdict("left_transfer", "not_answered", "caller", sentence, HIGH).resting_on(target.events[-1])
    ended = leg.last("call.conversation.ended")
    if ended and end and end - ended.at <= _CLOSE and leg.was_ended_at_our_end:
        sentence = f"The assistant ended the talk{after(leg.talk)}."
        return Verdict("assistant_ended", "completed", "us", sentence, HIGH).resting_on(ended)
    return _by_conference(leg)


def _by_conference(leg: Leg) -> Verdict | None:
    over = leg.last("conference.ended")
    if over is None or leg.ended_at is None or abs(leg.ended_at - over.at) > _CLOSE or leg.was_ended_by_its_person:
        return None
    reason = str(over.payload.get("reason") or "")
    words, who = {
        "host_left": ("The conference ended: its host left", "callee"),
        "time_exceeded": ("The conference was cut at the limit of 4 hours", "telnyx"),
        "all_left": ("The conference ended: the last one left", "unknown"),
    }.get(reason, (f"The conference ended ({reason or 'without a reason'})", "unknown"))
    sentence = f"{words}{after(leg.talk)}."
    return Verdict("conference_ended", "completed", who, sentence, MEDIUM).resting_on(over)


def _unfinished_transfer(session: Session, leg: Leg) -> Leg | None:
    """Return the target that was answered, or rang, when the caller left, and was never connected."""
    if leg.bridged_at is not None or leg.ended_at is None:
        return None
    for command in leg.commands_named("transfer"):
        target = session.target_of(command)
        if (
            target
            and target.bridged_at is None
            and (not target.ended_at or target.ended_at >= leg.ended_at - _TOGETHER)
        ):
            return target
    return None


def _with_transfer(session: Session, leg: Leg, command: Command, verdict: Verdict) -> Verdict:
    """Append what became of a transfer that failed: refused, or its target not reached."""
    if command.status == "refused" and not command.was_faster_than_us:
        return _with_refusal(leg, command, verdict)
    target = session.target_of(command)
    if command.action != "transfer" or target is None or target.hangup is None or target.bridged_at is not None:
        return verdict
    if verdict.code == "left_transfer":
        return verdict.resting_on(command)
    why = _ended(session, target, with_others=False)
    if target.end_was_asked and why.code == "ended":
        return verdict  # no more is known than when: it may have been put through, and that was not reported
    reason = why.sentence[:1].lower() + why.sentence[1:]
    sentence = f"{verdict.sentence} The transfer to {command.parameter('to')} failed before: {reason}"
    return replace(verdict, sentence=sentence).resting_on(command, target.hangup)


def _with_refusal(leg: Leg, command: Command, verdict: Verdict) -> Verdict:
    _, row = never_placed.refusal(command)
    told = f" ({command.reason})" if command.reason else ""
    sent, end = command.sent_at or command.created_at, leg.ended_at
    earlier = f" {span((end - sent).total_seconds())} before" if end and leg.is_incoming else ""
    what = "The transfer" if command.action == "transfer" else "The REFER"
    sentence = f"{verdict.sentence} {what} was refused{earlier}{told}: {row.means}."
    return replace(verdict, sentence=sentence, next_step=row.next_step).resting_on(command)


def _without_end(session: Session, leg: Leg) -> Verdict:
    """Judge a leg whose hang-up nobody reported."""
    context, last = session.context, leg.events[-1]
    is_alive = context.living.get(leg.control_id, context.is_alive)
    if is_alive:
        begun = leg.answered_at or leg.started_at
        length = (context.now - begun).total_seconds() if context.now and begun else None
        words = (
            f"On the line{after(length, 'for')}." if leg.was_answered else f"Not answered yet{after(length, 'for')}."
        )
        return Verdict("running", "running", "unknown", words, HIGH if context.is_alive else MEDIUM)
    seen = f"last heard was “{_words(last)}” at {last.at:%H:%M:%S} UTC"
    if is_alive is None:
        sentence = f"No end was reported yet; {seen}."
        return Verdict("open", "unknown", "unknown", sentence, LOW, f"Ask Telnyx for its status. {DELIVERIES}")
    billed = _billed(leg)
    if billed is not None:
        sentence = f"Ended; its end was never reported. Billed were {span(billed)}; {seen}."
        return Verdict("lost_with_length", "unknown", "unknown", sentence, LOW, DELIVERIES)
    sentence = f"Ended, but its end was never reported; {seen}."
    return Verdict("lost", "unknown", "unknown", sentence, LOW, DELIVERIES)


def _words(event: Event) -> str:
    return event.type.removeprefix("call.").replace(".", " ").replace("_", " ")


def _billed(leg: Leg) -> float | None:
    cost = leg.last("call.cost")
    seconds = cost.payload.get("billed_duration_secs") if cost else None
    return float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None
