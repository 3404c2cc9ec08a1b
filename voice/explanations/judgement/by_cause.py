"""Judges a leg by what its hang-up says: the cause, the side, the SIP status; answered legs apart from the others."""

from collections.abc import Callable

from voice.explanations.judgement import our_side
from voice.explanations.judgement.legs import Leg, Session
from voice.explanations.judgement.sip_codes import MEDIA, NO_SUCH_NUMBER, REFUSED, row_of
from voice.explanations.judgement.telnyx_codes import REASONS
from voice.explanations.judgement.verdicts import (
    DELIVERIES,
    HIGH,
    LOW,
    MEDIUM,
    PRACTICE,
    TELEPHONY,
    Row,
    Verdict,
    after,
    span,
)

_BUNDLE = "Give Telnyx the bundle of the call."
_LAST = "Look at the last events before the end."
_REPUTATION = "Check the caller ID's attestation and its reputation (marked as spam?)."
_AT_ONCE = 3  # seconds: no person declines so fast
_NO_SUCH = {404, 604, 410, 484, 1}
_MEDIA, _LOST = {488, 606, 88}, {408, 481, 504, 102, 604}
_KNOWN = frozenset(
    {
        *("normal_clearing", "call_rejected", "user_busy", "timeout", "no_answer", "time_limit", "not_found"),
        *("originator_cancel", "unspecified", "busy", "no-answer", "canceled", "failed", ""),
    }
)
_SAME = {"busy": "user_busy", "no-answer": "timeout", "canceled": "originator_cancel"}
# FreeSWITCH's words, which Telnyx may tell as they are: meaning, category, who, next step
_FREESWITCH = {
    "lose_race": Row("completed", "us", "another target answered first", ""),
    "manager_request": Row(
        "configuration", "telnyx", "Telnyx ended it (balance, fraud)", "Check the balance and mail from Telnyx."
    ),
    "media_timeout": Row("carrier", "carrier", "the connection was lost: no audio came", "Check network and device."),
    "picked_off": Row("completed", "us", "the call was picked up elsewhere", ""),
    "user_not_registered": Row("unreachable", "carrier", "the device is not registered", "Register the device."),
    "progress_timeout": Row("carrier", "carrier", "the far network gave no ringback", "Retry, or ask Telnyx."),
    "gateway_down": Row("carrier", "carrier", "a gateway on the way was down", "Retry, or ask Telnyx."),
    "blind_transfer": Row("completed", "us", "the call was transferred", ""),
    "attended_transfer": Row("completed", "us", "the call was transferred", ""),
    "allotted_timeout": Row("not_answered", "telnyx", "nobody answered in time", "Raise the timeout."),
}


def judge(session: Session, leg: Leg) -> Verdict:
    """Say why the leg ended, by its hang-up alone."""
    cause = _SAME.get(leg.cause, leg.cause)
    if not cause and leg.end_was_asked:
        return _ended_somehow(leg)
    # of a caller it is that of the first command (support.telnyx.com, article 5025298)
    if cause == "allotted_timeout" and leg.is_incoming and not leg.was_answered:
        return our_side.no_command(leg)
    if cause in _FREESWITCH:
        return _by_row(leg, _FREESWITCH[cause], cause)
    if cause not in _KNOWN:
        return _unknown(leg)
    if leg.was_answered and not _ended_with_no_talk(leg):
        return _answered(session, leg, cause)
    return _incoming(leg, cause) if leg.is_incoming else _outgoing(leg, cause)


def _ended_somehow(leg: Leg) -> Verdict:
    """Say of a leg whose end Telnyx told when it was asked that this is all: not even that nobody answered is known."""
    lasted = after(leg.setup if leg.talk is None else leg.talk)
    sentence = f"Ended{lasted}, as Telnyx said when it was asked; how and by whom was never reported."
    return Verdict("ended", "unknown", "unknown", sentence, LOW, DELIVERIES)


def by_reason(leg: Leg, reason: str) -> Verdict:
    """Say what Telnyx's own code of the hang-up means."""
    row = REASONS[reason]
    who = row.who or ("telnyx" if leg.is_incoming else "nobody")
    sentence = f"Telnyx refused it: {row.means} ({reason})."
    return Verdict(f"refused_{reason.lower()}", row.category, who, sentence, HIGH, row.next_step, source=row.source)


def _ended_with_no_talk(leg: Leg) -> bool:
    return leg.answered_at is None and leg.hangup is not None and leg.hangup.payload.get("call_duration") == "0"


# --- Answered --------------------------------------------------------------------------------------------------------


def _answered(session: Session, leg: Leg, cause: str) -> Verdict:
    talked = after(leg.talk)
    if leg.sip in _MEDIA:
        return _by_row(leg, MEDIA, "media", f"Broke off{talked}: {MEDIA.means} (SIP {leg.sip}).")
    if leg.sip in _LOST:
        sentence = f"The connection was lost{talked}: no reply, or no audio for a while (SIP {leg.sip})."
        return Verdict("connection_lost", "carrier", "carrier", sentence, MEDIUM, "Check network and device.")
    if leg.sip is not None and leg.sip >= 400 and cause != "normal_clearing":
        sentence = f"Broke off{talked} (SIP {leg.sip})."
        return Verdict("broke_off", "carrier", "unknown", sentence, MEDIUM, _BUNDLE)
    if cause == "normal_clearing":
        return _ended_normally(session, leg)
    return Verdict("ended", "completed", "unknown", f"Ended{talked}; Telnyx gave no reason.", LOW, _LAST)


def _ended_normally(session: Session, leg: Leg) -> Verdict:
    if leg.was_ended_by_its_person:
        person = session.person_of(leg)
        talked = after(leg.talk, "after talking")
        return Verdict(
            "hung_up", "completed", session.who_of(leg), f"{person[:1].upper()}{person[1:]} hung up{talked}.", HIGH
        )
    if leg.was_ended_at_our_end and leg.hangup is not None and leg.hangup.is_texml:
        sentence = f"Ended at our end{after(leg.talk)}, probably by its TeXML document."
        following = "Look at what the document told to do last."
        return Verdict("document_ended", "completed", "us", sentence, MEDIUM, following, source=PRACTICE)
    if leg.was_ended_at_our_end:
        sentence = (
            f"Ended at our end{after(leg.talk)}, by no command of this portal: probably another program, or Telnyx."
        )
        return Verdict(
            "our_end",
            "completed",
            "unknown",
            sentence,
            LOW,
            "Look at Telnyx's audit log for another program with the same key, and at the balance.",
            source=PRACTICE,
        )
    if leg.side in {"caller", "callee"}:
        sentence = f"Ended normally{after(leg.talk)} on the side of the {leg.side}; which side is ours is not known."
        return Verdict("ended_normally", "completed", "unknown", sentence, LOW, _LAST)
    sentence = f"Ended normally{after(leg.talk)}; Telnyx does not say by whom."
    return Verdict("ended_normally", "completed", "unknown", sentence, MEDIUM)


# --- Not answered ----------------------------------------------------------------------------------------------------


def _outgoing(leg: Leg, cause: str) -> Verdict:
    if decide := _BY_CAUSE.get(cause):  # for these the cause is surer than the SIP status beside it
        return decide(leg)
    if cause == "not_found" and (leg.sip is None or leg.sip in _NO_SUCH):
        return _by_row(leg, NO_SUCH_NUMBER, "no_such_number", confidence=HIGH)
    if row := row_of(leg.sip):
        return _by_row(leg, row, f"sip_{leg.sip}")
    if cause == "not_found":
        return _by_row(leg, NO_SUCH_NUMBER, "no_such_number")
    return _failed() if cause == "failed" else _without_reason(leg, cause)


def _busy(leg: Leg) -> Verdict:
    return Verdict("busy", "busy", "callee", "The line was busy.", HIGH, "Call again later.")


def _cancelled(leg: Leg) -> Verdict:
    sentence = f"Cancelled at our end{after(leg.setup)}, before anyone answered."
    return Verdict("cancelled", "not_answered", "us", sentence, MEDIUM, "Had the first leg left?")


def _failed() -> Verdict:
    return Verdict("network", "carrier", "unknown", "It probably failed on the way; no code says why.", LOW, _BUNDLE)


def _no_answer(leg: Leg) -> Verdict:
    dial = next((one for one in leg.commands if one.is_dial), None)
    asked = dial.parameter("timeout_secs", "Timeout") if dial else None
    seconds = leg.setup
    if isinstance(asked, int | float) and (seconds is None or abs(seconds - asked) <= 2):
        seconds = float(asked)
    others = " No other route was tried." if dial and dial.parameters.get("retry_on_timeout") is False else ""
    within = f" within {span(seconds)} (set-up included)" if seconds is not None else " in time"
    following = "Raise timeout_secs (5 to 600), or call at another hour."
    return Verdict("no_answer", "not_answered", "telnyx", f"Nobody answered{within}.{others}", HIGH, following)


def _rejected(leg: Leg) -> Verdict:
    if leg.sip in {603, 21, None, 16, 31, 200}:
        return _declined(leg)
    if leg.sip == 486:
        return Verdict("busy", "busy", "callee", "Busy, or declined on the phone.", MEDIUM, "Call again later.")
    if leg.sip == 403:
        return _by_row(leg, REFUSED, "refused")
    row = row_of(leg.sip)
    return _by_row(leg, row, f"sip_{leg.sip}") if row else _declined(leg)


def _declined(leg: Leg) -> Verdict:
    seconds = leg.setup
    if seconds is not None and seconds < _AT_ONCE:
        sentence = f"Declined after {span(seconds)}: probably blocked by a carrier's network, not by a person."
        return Verdict("blocked", "rejected", "carrier", sentence, MEDIUM, _REPUTATION, source=TELEPHONY)
    confidence = HIGH if seconds is not None else MEDIUM
    return Verdict("declined", "rejected", "callee", f"The called party declined it{after(seconds)}.", confidence)


_BY_CAUSE: dict[str, Callable[[Leg], Verdict]] = {
    "user_busy": _busy,
    "timeout": _no_answer,
    "no_answer": _no_answer,
    "originator_cancel": _cancelled,
    "call_rejected": _rejected,
}


def _incoming(leg: Leg, cause: str) -> Verdict:
    if cause == "user_busy":
        sentence = "The caller heard busy: probably our channels were all in use."
        return Verdict("line_full", "busy", "telnyx", sentence, MEDIUM, "Look at the channel limit.")
    if cause in {"timeout", "no_answer"}:
        return our_side.no_command(leg)
    if cause == "originator_cancel":
        return our_side.caller_gave_up(leg)
    if cause == "normal_clearing" and leg.was_ended_at_our_end:
        sentence = "Ended at our end before we answered, probably by Telnyx."
        return Verdict("unanswered_end", "our_side", "us", sentence, LOW, "Ask for Telnyx's record of the call.")
    if row := row_of(leg.sip):
        return _by_row(leg, row, f"sip_{leg.sip}")
    return _without_reason(leg, cause)


def _without_reason(leg: Leg, cause: str) -> Verdict:
    who = ("caller" if leg.is_incoming else "callee") if leg.was_ended_by_its_person else "unknown"
    if cause == "normal_clearing":
        sentence = f"Ended{after(leg.setup)} before anyone answered; Telnyx gives no reason."
        return Verdict("ended_unanswered", "not_answered", who, sentence, LOW, "Ask for Telnyx's record of the call.")
    sentence = f"Ended{after(leg.setup)} before anyone answered; Telnyx gives no reason."
    return Verdict("ended", "unknown", who, sentence, LOW, _LAST if leg.is_incoming else _BUNDLE)


def _by_row(leg: Leg, row: Row, code: str, sentence: str = "", confidence: str = "") -> Verdict:
    told = f" (SIP {leg.sip})" if leg.sip and leg.sip >= 300 and "SIP" not in row.means else ""
    words = sentence or f"{row.means[:1].upper()}{row.means[1:]}{told}."
    if leg.is_incoming:
        words = words.replace("far network", "SIP device of ours")
    return Verdict(code, row.category, row.who, words, confidence or row.confidence, row.next_step, source=row.source)


def _unknown(leg: Leg) -> Verdict:
    pair = f"cause {leg.cause}, SIP {leg.sip or 'none'}"
    before = [event.type for event in leg.events if event is not leg.hangup][-3:]
    sentence = f"Nobody knows why: Telnyx told “{pair}”, which no table has."
    following = f"{_BUNDLE} Last events: {', '.join(before) or 'none'}."
    return Verdict("unknown_cause", "unknown", "unknown", sentence, LOW, following)
