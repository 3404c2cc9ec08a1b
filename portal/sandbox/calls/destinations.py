"""Tells by the last four digits of a number we dial what becomes of the call."""

import re
from dataclasses import dataclass

from portal.sandbox import chance
from portal.sandbox.core.errors import Problem, Refused, unprocessable

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
    reason: str = ""  # Telnyx's code of why it was not put through, in ``telnyx_error``
    tears_down: bool = False  # with a transfer, the leg that was to be put through ends as well


# Why Telnyx does not put a call through (support.telnyx.com, article 4409457). A number ending in 90 and two digits is
# refused with that code in the answer; in 91 and two digits it is accepted, and the code comes with the hang-up.
REASONS = {
    "13": ("D13", "Dialed number is not included in whitelisted countries"),
    "15": ("D15", "Outbound voice profile is disabled"),
    "17": ("D17", "Account is disabled"),
    "35": ("D35", "Caller Origination Number is Invalid"),
    "38": ("D38", "No outbound voice profile is assigned"),
    "39": ("D39", "International daily spent limit reached"),
    "51": ("D51", "Unverified origination number"),
    "53": ("D53", "Origination number is the same as the destination number"),
    "60": ("D60", "Destination is not verified"),
}
CODES = dict(REASONS.values())
_BAD_NUMBER = "9016"
ENDINGS = {
    "0002": Ending("user_busy", "callee", "486"),
    "0003": Ending("timeout", "unknown", "487", NO_ANSWER),  # Telnyx's own CANCEL
    "0004": Ending("call_rejected", "callee", "603"),
    "0008": Ending("timeout", "unknown", "487", NO_ANSWER, tears_down=True),
} | {f"91{digits}": Ending("call_rejected", "unknown", "403", reason=code) for digits, (code, _) in REASONS.items()}


def check_allowed(number: str, pointer: str) -> None:
    """Refuse to put a call through to a number that Telnyx would not: 403 with code 10010, the reason in ``detail``.

    Telnyx's answer holds a ``call_control_id`` although there is no call.
    """
    digits = last_digits(number)
    if digits == _BAD_NUMBER:
        detail = f"'{pointer.strip('/')}' is no number that can be called."
        raise unprocessable("10016", "Phone number must be in +E164 format", detail, pointer)
    if digits.startswith("90") and (found := REASONS.get(digits[2:])):
        raise refused(found[0])


def refused(code: str, words: str = "") -> Refused:
    """Return the refusal of a dial for that reason, in these words or in those that go with it."""
    beside = {"telnyx_error": {"error_code": code}, "data": {"call_control_id": f"v3:{chance.token(40)}"}}
    words = words or CODES.get(code, "This call is not put through")
    return Refused(403, Problem(10010, "Not authorized", f"{words} {code}"), beside=beside)


def last_digits(number: str) -> str:
    """Return the last four digits of a number or of a SIP URI's user."""
    user = re.sub("^sips?:", "", number).partition("@")[0]
    return re.sub(r"\D", "", user)[-4:]
