"""Tells by the last four digits of a number we dial what becomes of the call."""

import re
from dataclasses import dataclass

RINGING = 1.0  # seconds before whom we dial picks up or refuses
NO_ANSWER = 4.0
FIRST_COMMAND = "first_command"  # the timer of an application that wants one in time
MACHINE, SCREENED, FAX = "0005", "0006", "0007"


@dataclass(frozen=True)
class Ending:
    """Says why a call we dial is never answered."""

    cause: str
    source: str
    sip: str
    seconds: float = RINGING


ENDINGS = {
    "0002": Ending("user_busy", "callee", "486"),
    "0003": Ending("timeout", "unknown", "480", NO_ANSWER),
    "0004": Ending("call_rejected", "callee", "603"),
}


def last_digits(number: str) -> str:
    """Return the last four digits of a number or of a SIP URI's user."""
    user = re.sub("^sips?:", "", number).partition("@")[0]
    return re.sub(r"\D", "", user)[-4:]
