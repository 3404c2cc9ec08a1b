"""Words the endings of calls for a column: at most 28 characters, a colour and a shape for each category.

What decides on an ending is ``voice.explanations``; a code that is not here is worded by its category.
"""

import re

LONGEST = 28
_LABELS = {
    "we_hung_up": "We hung up",
    "we_hung_up_menu": "We hung up after a menu",
    "we_hung_up_machine": "We hung up after detection",
    "we_hung_up_failure": "We hung up: a failure",
    "we_busy": "We gave busy",
    "we_rejected": "We rejected it",
    "we_gave_up": "We gave up",
    "time_limit": "Cut at the time limit",
    "our_end": "Ended at our end, unasked",
    "document_ended": "Its document ended it",
    "ended_normally": "Ended, not told by whom",
    "media": "No common codec",
    "connection_lost": "Connection lost",
    "network": "Failed on the way",
    "broke_off": "Broke off",
    "ended": "Ended, no reason told",
    "busy": "Busy",
    "no_answer": "Nobody answered",
    "cancelled": "Cancelled at our end",
    "declined": "Declined",
    "blocked": "Blocked by a network",
    "no_such_number": "No such number",
    "line_full": "Our channels were full",
    "first_command": "Nobody here took it",
    "caller_gave_up": "The caller gave up",
    "answer_refused": "Our answer was refused",
    "answer_held_back": "Our answer was held back",
    "answer_not_sent": "Our answer was not sent",
    "answer_settled": "Our answer did not happen",
    "answered_late": "Answered too late",
    "webhook_late": "Its webhook came too late",
    "webhook_down": "Its webhook did not come",
    "old_format": "Webhooks in the old format",
    "no_flow": "No flow answers here",
    "nobody_answered": "Nobody here answered it",
    "unanswered_end": "Ended before our answer",
    "ended_unanswered": "Ended before an answer",
    "unknown_cause": "Unknown cause",
    "left_queue": "Left the queue",
    "handed_over": "Handed over by REFER",
    "left_transfer": "Left while put through",
    "assistant_ended": "The assistant ended it",
    "conference_ended": "The conference ended",
    "lost": "Its end was not reported",
    "lost_with_length": "Its end was not reported",
}
_HUNG_UP = {"caller": "The caller hung up", "callee": "The called party hung up"}
_CATEGORIES = {
    "completed": ("Completed", "good"),
    "not_answered": ("Not answered", "plain"),
    "busy": ("Busy", "plain"),
    "rejected": ("Rejected", "warn"),
    "unreachable": ("Not reachable", "warn"),
    "configuration": ("To be set right", "bad"),
    "carrier": ("Carrier failed", "warn"),
    "our_side": ("Our side failed", "bad"),
    "unknown": ("Not known", "unknown"),
    "running": ("On the line", "good"),
}
_PARTIES = {
    "caller": "the caller",
    "callee": "the called party",
    "us": "us",
    "telnyx": "Telnyx",
    "carrier": "a carrier",
    "nobody": "nobody: it was never placed",
    "unknown": "not known",
}


def label(code: str, category: str, who: str) -> str:
    """Word an ending for a column."""
    code = code.removeprefix("other_leg_")
    if code == "hung_up":
        return _HUNG_UP.get(who, "Hung up")
    if match := re.fullmatch(r"refused_([a-z]+\d*)", code):
        return f"Refused ({match[1].upper()})"
    if match := re.fullmatch(r"sip_(\d+)", code):
        kind = "SIP" if int(match[1]) >= 300 else "Q.850"
        return f"{category_label(category)} ({kind} {match[1]})"
    return _LABELS.get(code, category_label(category))


def code_label(code: str) -> str:
    """Word a verdict's code where nothing else is known of the calls that have it."""
    return label(code, "unknown", "") if is_code(code) else code.replace("_", " ").capitalize()


def is_code(code: str) -> bool:
    """Tell whether a verdict may have this code."""
    plain = code.removeprefix("other_leg_")
    return plain in _LABELS or plain == "hung_up" or bool(re.fullmatch(r"refused_[a-z]*\d*|sip_\d+", plain))


def codes() -> dict[str, str]:
    """Return the codes that a verdict may have, with their words; not those that name a code of Telnyx's or of SIP."""
    return {code: code_label(code) for code in ("hung_up", *_LABELS)}


def category_label(category: str) -> str:
    """Word a category."""
    return _CATEGORIES.get(category, _CATEGORIES["unknown"])[0]


def tone(category: str) -> str:
    """Return the word of a category's colour and shape."""
    return _CATEGORIES.get(category, _CATEGORIES["unknown"])[1]


def party(who: str) -> str:
    """Word who ended a call."""
    return _PARTIES.get(who, _PARTIES["unknown"])


def title(category: str, who: str) -> str:
    """Word category and party, for whoever asks for more than the column has."""
    return f"{category_label(category)}; ended by: {party(who)}"
