"""Gives the meaning of Telnyx's error codes: what each says in words, and what a person can do about it.

Numbers are API error codes (developers.telnyx.com, "API Error Codes"). A letter with a number says why a call was not
put through; it comes at the end of ``detail`` and as ``telnyx_error.error_code`` (support.telnyx.com, article 4409457
of 2026-05-06; Telnyx's knowledge base of 2026-04-10). A code that is not here is told in Telnyx's own words.
"""

import re
from collections.abc import Mapping
from typing import Any

KEY_REJECTED = frozenset({"10009", *(str(code) for code in range(20001, 20010))})

MEANINGS: dict[str, str] = {
    "10009": "Telnyx does not accept the API key of this account. Enter a valid one on the account's page.",
    "10011": "Telnyx is receiving too many requests from this account. Wait a moment.",
    "20002": "The API key of this account was revoked at Telnyx. Enter a new one on the account's page.",
    "20006": "The API key of this account has expired at Telnyx. Enter a new one on the account's page.",
    "20012": "The account is blocked at Telnyx. Look at its balance and at mail from Telnyx.",
    "20100": "The account has no funds at Telnyx. Top it up.",
    "10038": "The account's level at Telnyx does not include this. Verify or upgrade the account.",
    "10039": "The account's level at Telnyx does not include this. Verify or upgrade the account.",
    "90018": "The call has already ended.",
    "90034": "The call has not been answered yet.",
    "90041": "The account has as many calls at once as Telnyx allows it. Wait, or have the limit raised.",
    "90042": "The outbound voice profile has as many calls at once as it allows. Wait, or raise its limit.",
    "90043": "The application has as many calls at once as it allows. Wait, or raise its channel limit.",
    "90102": "An outgoing call cannot be answered by us.",
    "D1": "The account has as many outgoing calls at once as Telnyx allows it. Wait, or have the limit raised.",
    "D2": "The outbound voice profile has as many calls at once as it allows. Wait, or raise its limit.",
    "D3": "The application has as many calls at once as it allows. Wait, or raise its channel limit.",
    "D4": "The application's channels are all in use: the caller heard busy. Add channels.",
    "D5": "The account's channels are all in use: the caller heard busy. Add channels.",
    "D7": "The application has no outbound voice profile. Assign one.",
    "D9": "International calls come too fast for the account. Wait a minute.",
    "D11": "The number that was called is not valid. Check it.",
    "D12": "The destination is not in the plan of the outbound voice profile. Change the plan.",
    "D13": "The destination's country is not allowed in the outbound voice profile. Add it there.",
    "D14": "The number that was called is not valid. Check it.",
    "D15": "The outbound voice profile is switched off. Switch it on.",
    "D16": "The application is switched off for outgoing calls. Switch it on.",
    "D17": "The account is blocked or its balance is used up. Top it up, or ask Telnyx's support.",
    "D18": "The application is switched off for incoming calls. Switch it on.",
    "D19": "The account is blocked for incoming calls. Top it up, or ask Telnyx's support.",
    "D21": "The number that was called leads nowhere. Assign it to an application.",
    "D22": "The number, the application or the profile has no channel left. Wait, or raise its limit.",
    "D24": "The call costs more a minute than the outbound voice profile allows. Raise its maximum rate.",
    "D35": "The caller ID is not valid. Use an own number with + and country code.",
    "D36": "The caller ID belongs to another customer of Telnyx. Use an own number.",
    "D37": "Emergency numbers cannot be called by commands. Nothing was dialled.",
    "D38": "The application has no outbound voice profile. Assign one.",
    "D39": "The daily limit of spending on international calls is reached. Raise it, or wait until tomorrow.",
    "D40": "Telnyx knows the number and has no way to it. Ask Telnyx's support.",
    "D41": "Calls to this prefix are stopped against fraud. Ask Telnyx's support.",
    "D42": "The far end does not allow a REFER. Use a transfer.",
    "D44": "The application is unknown to Telnyx, or has no valid webhook URL. Open it and check.",
    "D46": "The caller ID is on the list of numbers that never call. Use another number.",
    "D48": "The number that was called has no device or address behind it. Register one.",
    "D49": "The caller ID is no routable US number. Use another number.",
    "D50": "The number that was called is not in use. Check it.",
    "D51": "The caller ID is neither a number at Telnyx nor verified. Verify it, or use an own number.",
    "D52": "The call was refused by the number's inbound call screening. Change its settings.",
    "D53": "The caller ID and the number that was called are the same. Change one of them.",
    "D54": "The caller ID is restricted because of its reputation. Use another number.",
    "D56": "The account's channels are all in use: the caller heard busy. Add channels.",
    "D57": "HD voice is off for the number. Switch it on.",
    "D58": "Calls to this destination are restricted. Ask Telnyx's support.",
    "D59": "This short or special number cannot be reached from here.",
    "D60": "On a trial account only verified numbers can be called. Verify the number, or upgrade the account.",
    "D61": "The account's level does not include incoming calls. Upgrade it.",
    "D63": "The port of the caller ID is not complete. Wait, or use another number.",
    "D64": "Documents for the caller ID are missing. Send them to Telnyx, or use another number.",
    "D65": "Documents for the number are missing. Send them to Telnyx.",
    "P05": "Calls come faster than Telnyx takes them. Slow down.",
    "P15": "Calls come faster than Telnyx takes them. Slow down.",
    "RG1": "The device behind the number is not registered. Register it.",
    "TM1": "Telnyx has no rate for this destination. Ask Telnyx's support.",
    "TV1": "No carrier took the call. Try again, or ask Telnyx's support.",
}

_REASON = re.compile(r"\b(?:[DPR]\d{1,2}|PE\d|TV1|TM1|RG1|B3)\b")


def reason_of(body: object, details: list[str]) -> str | None:
    """Find the code that says why a call was not put through: in ``telnyx_error``, else the last one in ``details``.

    Both stand beside an ordinary refusal: 403 with code 10010.
    """
    told = body.get("telnyx_error") if isinstance(body, Mapping) else None
    code: Any = told.get("error_code") if isinstance(told, Mapping) else None
    if isinstance(code, str) and _REASON.fullmatch(code):
        return code
    found = [code for detail in details for code in _REASON.findall(detail)]
    return found[-1] if found else None
