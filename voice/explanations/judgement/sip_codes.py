"""Holds what a SIP status or a Q.850 cause says of an outgoing call that nobody answered."""

from voice.explanations.judgement.verdicts import HIGH, LOW, MEDIUM, Row

_NUMBER = "Check the number."
_AGAIN = "Retry later; if it lasts, tell Telnyx the prefix."
_TELNYX = "Ask Telnyx, with the bundle of the call."
_REPUTATION = "Check the caller ID's attestation and its reputation (marked as spam?)."
_CODECS = "Compare codecs and SRTP settings of both sides."
_OFF = "Call from another number, or at another hour."


def _of(codes: str, row: Row) -> dict[int, Row]:
    return {int(code): row for code in codes.split()}


UNREACHABLE = Row(
    "unreachable",
    "carrier",
    "probably not reachable now: the phone is off, has no signal, or the network refused our caller ID",
    _OFF,
    LOW,
)
NO_SUCH_NUMBER = Row("unreachable", "carrier", "the number does not exist, is incomplete or out of service", _NUMBER)
NETWORK = Row("carrier", "carrier", "the carrier could not connect it", _AGAIN)
FAR_NETWORK = Row("carrier", "carrier", "the far network failed", "Retry, or take another route.")
MEDIA = Row("configuration", "telnyx", "there was no common codec or encryption for the audio", _CODECS, HIGH)
PROTOCOL = Row("carrier", "carrier", "the network did not understand a request on the way", _TELNYX)
BUSY = Row("busy", "callee", "the line was busy", "Call again later.")
LOST = Row("carrier", "carrier", "the connection was lost on the way", "Check network and device.")
REJECTED = Row("rejected", "carrier", "the call was not taken", _REPUTATION, LOW)
REFUSED = Row(
    "configuration",
    "telnyx",
    "probably refused by Telnyx or by the far network; no code says why",
    "Check balance, outbound voice profile, caller ID and country; ask for the call's record at Telnyx.",
    LOW,
)
LOOP = Row("configuration", "telnyx", "the call went round in a loop", "Check the forwarding settings.")

SIP: dict[int, Row] = {
    **_of(
        "300 301 302 305 380", Row("unreachable", "carrier", "the number has moved or forwards", "Find its new number.")
    ),
    **_of("400 414 416 420 421 423 494 422 424 412 439 440 469 470 430", PROTOCOL),
    **_of("401 407", Row("configuration", "telnyx", "the far side demands a login", "Check the SIP credentials.")),
    402: Row("configuration", "telnyx", "the far side demands payment", "Check the balance."),
    403: REFUSED,
    **_of("404 410 484 485 604", NO_SUCH_NUMBER),
    **_of("405 406 413 415 417 489", Row("carrier", "carrier", "the far side does not support this", _TELNYX)),
    408: Row("unreachable", "carrier", "the far side did not reply", "Call again later."),
    **_of("428 429 436 437 438", Row("rejected", "carrier", "the caller's identity was not accepted", _REPUTATION)),
    433: Row("rejected", "callee", "anonymous calls are not taken there", "Show a number: see `privacy`."),
    480: UNREACHABLE,
    481: LOST,
    **_of("482 483", LOOP),
    **_of("486 600", BUSY),
    487: Row("not_answered", "us", "it was cancelled before anybody answered", ""),
    **_of("488 606", MEDIA),
    **_of("491 493", Row("carrier", "carrier", "two requests collided, or could not be decrypted", "Retry.")),
    **_of("500 501 502 504 505 580", FAR_NETWORK),
    503: Row(
        "carrier",
        "carrier",
        "the carrier could not connect it: no route, or congestion",
        "Try again; abroad, with a local caller ID. If it lasts, tell Telnyx the prefix.",
    ),
    **_of("513 555", Row("carrier", "carrier", "a message was too large, or a push failed", _TELNYX)),
    603: Row("rejected", "callee", "the call was declined", ""),
    607: Row(
        "rejected",
        "callee",
        "the person or the phone marked our calls as unwanted",
        "Stop calling there; look after the caller ID's reputation.",
        HIGH,
    ),
    608: Row(
        "rejected",
        "carrier",
        "a carrier on the way blocked it as spam",
        "Use the redress link of its SIP header; look after the caller ID's reputation.",
        HIGH,
    ),
}

Q850: dict[int, Row] = {
    **_of("1 2 3 22 28", NO_SUCH_NUMBER),
    17: BUSY,
    **_of("18 19", Row("not_answered", "telnyx", "nobody answered", "Call at another hour.")),
    20: UNREACHABLE,
    21: SIP[603],
    **_of("23 26", Row("unreachable", "carrier", "the call was redirected, or picked up elsewhere", _NUMBER)),
    **_of("25 27 34 38 41 42 43 44 47 63", NETWORK),
    **_of("29 50 55 57 58 69 79", Row("configuration", "telnyx", "this service is not allowed there", _TELNYX)),
    **_of("52 54", Row("rejected", "carrier", "calls are barred there", _OFF)),
    **_of("65 66 88", MEDIA),
    102: LOST,
    127: PROTOCOL,
    **dict.fromkeys((code for code in range(81, 112) if code not in {88, 102}), PROTOCOL),
}


def row_of(code: int | None) -> Row | None:
    """Return what the code says: from 300 it is SIP, below 128 Q.850; None for what says nothing (16, 31, 200)."""
    if code is None or code in {16, 31} or 128 <= code < 300:
        return None
    if code < 128:
        return Q850.get(code)
    return SIP.get(code) or _of_its_class(code)


def _of_its_class(code: int) -> Row | None:
    words = f"it probably failed on the way (SIP {code})"
    if 400 <= code < 600:
        return Row("carrier", "carrier", words, _TELNYX, LOW)
    return Row("rejected", "carrier", words, _REPUTATION, LOW) if 600 <= code < 700 else None


def confidence_of(code: int | None) -> str:
    """Return how sure a verdict by this code alone may be."""
    row = row_of(code)
    return row.confidence if row else MEDIUM
