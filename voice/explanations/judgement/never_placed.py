"""Judges a dial or a transfer that never became a call: refused, held back, too late, or nobody knows."""

import re
from datetime import timedelta

from voice.explanations.judgement.facts import Command, Context
from voice.explanations.judgement.telnyx_codes import API, BAD_NUMBER, REASONS, T3
from voice.explanations.judgement.verdicts import (
    DELIVERIES,
    LOW,
    MEDIUM,
    PORTAL,
    Row,
    Verdict,
    actor,
    after,
    span,
)

_LONGEST = 70
_OF_A_LIMIT = re.compile(r"\b(limits?|suspended)\b")  # what each refusal of a limit, and of a suspension, says
_HELD = "Commands of this account are held back: "  # what the breaker says before its reason
_EVENTS_MAY_COME = timedelta(seconds=60)


def judge(command: Command, context: Context) -> Verdict:
    """Say why what this command asked for never became a call."""
    return _judged(command, context).resting_on(command)


def refusal(command: Command) -> tuple[str, Row]:
    """Return what Telnyx's refusal of a command means: the code of the verdict, and its row."""
    if command.reason in REASONS:
        row = REASONS[command.reason]
        return f"refused_{command.reason.lower()}", row
    if command.code in API:
        return API[command.code]
    if command.code in BAD_NUMBER and (side := _number_named(command)):
        return "bad_number", _bad_number(side)
    if command.http_status == 429:
        return API["10011"]
    words = command.words.strip().rstrip(".") or "without a reason"
    code = f" (code {command.reason or command.code})" if command.reason or command.code else ""
    return "refused", Row("configuration", "nobody", f"{words[:90]}{code}", _LOOK_UP, MEDIUM, T3)


def held_words(command: Command, context: Context) -> str:
    """Word since when and why a command was held back; empty when it was not, as far as is known."""
    if command.held_since is not None:
        seconds = (command.held_until - command.held_since).total_seconds() if command.held_until else 0
        length = f" for {span(seconds)}" if seconds >= 1 else ""
        return f"held back{length} since {command.held_since:%H:%M:%S} UTC: {short(command.held_why)}"
    since, until = context.breaker_since, context.breaker_until
    wait_ended = command.finished_at or until or context.now
    if since is None or (wait_ended is not None and since > wait_ended) or (until and command.created_at > until):
        return ""
    return f"held back since {since:%H:%M:%S} UTC: {short(context.breaker_why)}"


_LOOK_UP = "Look the code up in Telnyx's list of API errors."
_BREAKER = "See to the reason, close the breaker if it is still open, and try again."


def _judged(command: Command, context: Context) -> Verdict:
    if command.status == "refused":
        return _refused(command)
    if command.status == "expired":
        return _expired(command, context)
    if command.status == "uncertain":
        return Verdict(
            "uncertain",
            "unknown",
            "unknown",
            "Nobody can know yet whether Telnyx placed this call: the answer to our dial was lost.",
            LOW,
            "Ask for Telnyx's record of it, then decide on the command's page.",
            source=PORTAL,
        )
    if command.status == "ok":
        return _accepted(command, context)
    words = "The dial is on its way to Telnyx." if command.status == "sending" else "The dial waits for its turn."
    return Verdict("waiting", "running", "unknown", words, LOW, source=PORTAL)


def _refused(command: Command) -> Verdict:
    if not command.was_asked:
        return Verdict("not_sent", "our_side", "us", f"Not sent: {short(command.words)}.", source=PORTAL)
    code, row = refusal(command)
    told = f" ({command.reason})" if command.reason else ""
    if code == "refused":
        sentence = f"Never placed: Telnyx refused it: {row.means}."
    else:
        sentence = f"Never placed: Telnyx refused it, {row.means}{told}."
    return Verdict(code, row.category, "nobody", sentence, row.confidence, row.next_step, source=row.source)


def _expired(command: Command, context: Context) -> Verdict:
    words = command.words.lower()
    if command.settlement:
        sentence = f"Sent, without an answer, and counted as not carried out. {short(command.settlement)}."
        return Verdict("settled", "unknown", "unknown", sentence, MEDIUM, source=PORTAL)
    if "batch was cancelled" in words:
        sentence, code, following = f"Not dialled: its batch was cancelled ({actor(command.by)}).", "cancelled", ""
    elif "outgoing calls were stopped" in words:  # by a person, whatever held it back meanwhile
        sentence, code, following = f"Not sent: {short(command.words.partition(' Before: ')[0])}.", "not_sent", ""
    elif held := held_words(command, context):
        sentence, code, following = f"Never placed, never sent: {held}.", "held_back", _BREAKER
    elif "too late" in words or "earlier command" in words or "already ended" in words:
        waited = (command.finished_at - command.created_at).total_seconds() if command.finished_at else None
        sentence = f"Never placed: it waited{after(waited, '')} and was given up: {short(command.words)}."
        code, following = "too_late", "Look at the lag of the queue and at the workers."
    elif _OF_A_LIMIT.search(words):
        sentence, code = f"Not sent: the portal's own limit: {short(command.words)}.", "our_limit"
        following = "Look at the page Limits."
    else:
        sentence, code, following = f"Not sent: {short(command.words) or 'it says no reason'}.", "not_sent", ""
    return Verdict(code, "our_side", "us", sentence, next_step=following, source=PORTAL)


def _accepted(command: Command, context: Context) -> Verdict:
    sent, now = command.sent_at or command.created_at, context.now
    if now is not None and now - sent < _EVENTS_MAY_COME:
        return Verdict("waiting", "running", "unknown", "Telnyx has taken the dial; its events may still come.", LOW)
    return Verdict(
        "lost",
        "unknown",
        "unknown",
        "Telnyx took the dial, and what became of it was never reported.",
        LOW,
        DELIVERIES,
    )


def _number_named(command: Command) -> str:
    for side in ("to", "from"):
        if command.pointer.strip("/") == side or f"'{side}'" in command.words.lower():
            return side
    return ""


def _bad_number(side: str) -> Row:
    what = "the called number (`to`)" if side == "to" else "the caller ID (`from`)"
    means = f"{what} is no valid number in international form (E.164)"
    following = f"Correct the number in `{side}`: + and country code first."
    return Row("configuration", "nobody", means, following, "high", T3)


def short(words: str) -> str:
    """Return our words of a command as a part of a sentence."""
    text = words.removeprefix(_HELD).strip().rstrip(".")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()} …"
