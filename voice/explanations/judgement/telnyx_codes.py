"""Holds Telnyx's codes of why a call was not put through, and of its API, as a table: what each means for a call.

The meanings are told in our own words; ``T1`` and ``T3`` below are where they come from. ``SIP_STATUS`` has the SIP
status that goes with a code; where the two pages disagree, both stand there. Codes are matched, never that status.
"""

import re
from collections.abc import Mapping
from typing import Any

from voice.explanations.judgement.verdicts import HIGH, Row, Source

T1 = Source("support.telnyx.com, article 4409457", "2026-05-06")
T3 = Source("Telnyx's knowledge base: SIP response codes, API error codes", "2026-04-10")
_CODE = re.compile(r"\b(?:[DPR]\d{1,2}|PE\d|TV1|TM1|RG1|B3)\b")
_BY_RECORD = re.compile(r"Settled from Telnyx's record: Telnyx refused it(?: \(([^)]*)\))?\.")  # in a settlement
_WAIT, _ASK = "Wait until calls have ended, or raise the limit", "Ask Telnyx's support"


def _of(codes: str, means: str, next_step: str, category: str = "configuration", who: str = "") -> dict[str, Row]:
    row = Row(category, who, means, next_step, HIGH, T1)
    return dict.fromkeys(codes.split(), row)


# who: empty is nobody for what we dialled, and Telnyx for who calls us
REASONS: dict[str, Row] = (
    _of("D1 D10", "the account has as many outgoing calls at once as it may", f"{_WAIT} of the account.")
    | _of("D2", "the outbound voice profile has as many calls at once as it allows", f"{_WAIT} of the profile.")
    | _of("D3", "the application has as many calls at once as it allows", f"{_WAIT} of the application.")
    | _of("D4", "the application's channels were full and the caller heard busy", "Add channels.", "busy", "telnyx")
    | _of("D5 D56", "the account's channels were full and the caller heard busy", "Add channels.", "busy", "telnyx")
    | _of("D7 D38", "the application has no outbound voice profile", "Assign an outbound voice profile to it.")
    | _of("D8", "the caller ID has no emergency address", "Set an emergency address for the number.")
    | _of("D9", "international calls came too fast", "Wait a minute, and dial more slowly.")
    | _of("D11 D14 D50", "the number called is not valid or not in use", "Check the number.", "unreachable", "nobody")
    | _of("D12", "the destination is not in the plan of the outbound voice profile", "Change the profile's plan.")
    | _of(
        "D13",
        "the destination's country is not allowed in the outbound voice profile",
        "Add the country to the outbound voice profile; some countries take a higher level of the account.",
    )
    | _of("D15", "the outbound voice profile is switched off", "Switch the outbound voice profile on.")
    | _of("D16", "the application is switched off for outgoing calls", "Switch the application on.")
    | _of("D18", "the application is switched off for incoming calls", "Switch the application on.", who="telnyx")
    | _of(
        "D17 D19",
        "the account is blocked or out of funds",
        "Check the balance and mail from Telnyx: all calls of the account are affected.",
    )
    | _of(
        "D21", "the number called has no destination", "Assign the number to an application.", "unreachable", "telnyx"
    )
    | _of("D48", "the number called has no address behind it", "Give it an IP or FQDN.", "unreachable", "telnyx")
    | _of("RG1", "the device behind the number is not registered", "Register the device.", "unreachable", "telnyx")
    | _of("D22", "the number, application or profile has no channel left", f"{_WAIT}.")
    | _of("D24", "a minute costs more than the outbound voice profile allows", "Raise the profile's maximum rate.")
    | _of("D25 D26 D29", "Telnyx does not know the sender's IP address or user", "Check the SIP credentials.")
    | _of("D30 D31", "the settings for calls to SIP addresses forbid it", "Check the SIP URI and its settings.")
    | _of("D34", "the caller ID is not from the European Economic Area", "Call from a number of that area.")
    | _of("D35", "the caller ID is not valid", "Use an own number in E.164 form, with + and country code.")
    | _of("D36", "the caller ID belongs to another customer of Telnyx", "Use an own number.")
    | _of("D37", "emergency numbers are not allowed here", "Never dial emergency numbers by command.")
    | _of("D39", "the daily spending on international calls is used up", "Raise that limit, or wait until tomorrow.")
    | _of("D40", "Telnyx knows the number and has no route to it", f"{_ASK}.", "carrier", "carrier")
    | _of("D41 D58", "calls to this destination are restricted against fraud", f"{_ASK} to open it.")
    | _of("D42", "the far end does not allow a REFER", "Enable transfers there, or use a transfer.")
    | _of("D44", "the application is unknown or has no valid webhook URL", "Open the application and check it.")
    | _of("D46", "the caller ID is on the list of numbers that never call", "Call from another number.")
    | _of("D49", "the caller ID is a US number without routing data", "Call from another number.")
    | _of(
        "D51",
        "the caller ID is neither Telnyx's nor verified",
        "Verify the number, or give an own number as `from`; on a transfer the first leg's number may stay.",
    )
    | _of("D52", "inbound call screening refused it", "Look at the number's screening settings.", "rejected", "telnyx")
    | _of("D53", "caller ID and called number are the same", "Change one of the two numbers.")
    | _of(
        "D54",
        "the caller ID is restricted for its bad reputation",
        "Look at the number's reputation, or call from another number.",
        "rejected",
        "nobody",
    )
    | _of("D57", "HD voice is off for the number", "Switch HD voice on for it.")
    | _of("D59", "this short number cannot be reached from there", "Dial the full number.", "unreachable", "nobody")
    | _of("D60", "a trial account calls verified numbers only", "Verify the number, or upgrade the account.")
    | _of("D61", "the account's level has no incoming calls", "Upgrade the account.", who="telnyx")
    | _of("D65", "the number's documents are pending", "Send the documents to Telnyx.", who="telnyx")
    | _of("D63", "the port of the caller ID is not complete", "Wait for it, or call from another number.")
    | _of("D64", "documents for the caller ID are missing", "Send the documents, or call from another number.")
    | _of(
        "P01",
        "a SIP request went astray, as behind a NAT; an answered call drops after 32 s",
        "Check the SIP device and its router.",
        "carrier",
        "carrier",
    )
    | _of("P05 P15", "calls come faster than Telnyx takes them", "Slow down.")
    | _of("P06 P14 P51", "a SIP message, address or contact is too long", "Shorten headers and addresses.")
    | _of("P83", "the call went round in a loop", "Check the forwarding settings.")
    | _of(
        "P02 P03 P04 P16 P18 P43 P81 P82 P93 R14 R15 R16 R17 R18 R47",
        "a device or trunk sent malformed SIP",
        "Check the SIP device.",
    )
    | _of("P29", "a registration failed at Telnyx", f"{_ASK}.", "carrier", "carrier")
    | _of(
        "PE1 PE2 PE3 PE4 PE5 PE6",
        "there was no route at that time",
        f"Try again, or another number; then {_ASK[0].lower()}{_ASK[1:]}.",
        "carrier",
        "carrier",
    )
    | _of("TV1", "no carrier took the call", "Try again; tell Telnyx the prefix.", "carrier", "carrier")
    | _of("TM1", "Telnyx has no rate for the destination", f"{_ASK}.")
    | _of("B3", "encrypted media were expected", "Check the SRTP setting.")
)

SIP_STATUS: dict[str, str] = {
    **dict.fromkeys(["D14", "D18", "D19", "D40", "D50", "D59", "D8"], "404"),
    **dict.fromkeys(["D4", "D5", "D56"], "486"),
    **dict.fromkeys(["D61", "D65"], "486 or 403"),
    **dict.fromkeys(["D21", "D48", "RG1"], "480"),
    **dict.fromkeys(["PE1", "PE2", "PE3", "PE4", "PE5", "PE6", "TV1"], "503"),
    **dict.fromkeys(["P05", "P15"], "503 or 403"),
    **{"D42": "405", "D52": "603 or 403", "P06": "513 or 403", "P29": "500", "P83": "483 or 403", "B3": "488"},
}

# Of the API, where no narrower code is told: the code of the verdict, and its row.
API: dict[str, tuple[str, Row]] = {}


def _api(codes: str, code: str, means: str, next_step: str) -> None:
    row = Row("configuration", "nobody", means, next_step, HIGH, T3)
    API.update(dict.fromkeys(codes.split(), (code, row)))


_api("90041", "limit_account", "the limit of calls at once of the account is reached", f"{_WAIT} of the account.")
_api("90042", "limit_profile", "the outbound voice profile's limit of calls at once is reached", f"{_WAIT} there.")
_api("90043", "limit_connection", "the application's limit of calls at once is reached", f"{_WAIT} there.")
_api("90103 10011", "dial_rate", "there were more dials than Telnyx takes", "Slow down; on a trial mind its quota.")
_api("10015", "bad_application", "the application is unknown or has no valid webhook URL", "Open the application.")
_api("10009 20002 20003 20006 20008", "bad_key", "Telnyx does not accept the API key", "Enter a new key.")
_api(
    "20012 20013 20100",
    "account_blocked",
    "the account is blocked or out of funds",
    "Check the balance and mail from Telnyx: all calls of the account are affected.",
)
_api(
    "20014 20016 20017 10038 10039",
    "account_level",
    "the account's level does not allow it",
    "Verify the number, or raise the account's level.",
)
BAD_NUMBER = frozenset({"10016", "10002", "10001", "10033"})  # at /to or /from


def reason_in(told: object, *details: object) -> str:
    """Return the code in ``telnyx_error``, else the last one in the words; empty where there is none."""
    code: Any = told.get("error_code") if isinstance(told, Mapping) else None
    if isinstance(code, str) and _CODE.fullmatch(code):
        return code
    found = [code for detail in details if isinstance(detail, str) for code in _CODE.findall(detail)]
    return found[-1] if found else ""


def refusal_in(code: object, error_code: object, error: object, settlement: object) -> tuple[str, str, str]:
    """Return Telnyx's code of a refusal, its narrower one, and the words; of what its record settled those of that."""
    by_record = _BY_RECORD.fullmatch(settlement) if isinstance(settlement, str) else None
    if by_record:  # the error is that of the attempt whose answer was lost
        return by_record[1] or "", reason_in(None, by_record[1]), "Telnyx's record says so"
    return str(code or ""), reason_in(None, error_code) or reason_in(None, error), str(error or "")
