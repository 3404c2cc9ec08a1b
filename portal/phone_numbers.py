"""Shows, masks and checks phone numbers and SIP addresses."""

import re

import phonenumbers
from django.core.exceptions import ValidationError

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_NUMBER = re.compile(r"\+?\d(?:(?:[\s().\-/_~·‐-―−]|%20){0,3}\d)*")
_SCHEME = re.compile(r"[\s<]*(sips?:|tel:)", re.IGNORECASE)
_HOST = re.compile(r"\[?[A-Za-z0-9.\-:]{1,253}\]?")
_LONG = re.compile(r"\d{7}")
_NOBODY = {"anonymous", "unknown", "restricted", "private", "unavailable", "withheld"}  # in the place of a number
_HIDDEN, _SHORTEST = "•••", 7
_SIP = re.compile(
    r"sips?:[^\s@]{1,128}@(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]{1,253})(:\d{1,5})?(;[^\s?]{1,200})?", re.IGNORECASE
)


def mask(text: str) -> str:
    """Mask a number: ``+13125550001`` → ``+1312•••0001``. What is no number is hidden, but that nobody told one."""
    if not text or is_nobody(text):
        return text
    if match := _SCHEME.match(text):
        return f"{match[1]}{_masked_address(text[match.end() :])}"
    if not _NUMBER.fullmatch(text):
        return _HIDDEN
    digits = re.sub(r"\D", "", text)
    if len(digits) < _SHORTEST:  # an extension, a short code
        return digits if len(digits) < 5 else f"{_HIDDEN}{digits[-2:]}"
    if not text.startswith("+"):
        return f"{_HIDDEN}{digits[-4:]}"
    return f"+{digits[: min(len(digits) - 7, 6)]}{_HIDDEN}{digits[-4:]}" if len(digits) > 8 else _short(digits)


def is_nobody(text: str) -> bool:
    """Tell whether it stands in the place of a number that nobody told: ``anonymous``, ``Restricted``."""
    return text.lower() in _NOBODY


def _short(digits: str) -> str:
    return f"+{digits[0]}{_HIDDEN}{digits[-2:]}"


def _masked_address(rest: str) -> str:
    """Mask what follows ``sip:`` or ``tel:``: of a SIP address the host stays, unless it hides a number, too."""
    _, at, host = rest.partition("@")
    host = host.partition(";")[0].partition("?")[0].strip("<> ")
    if not at:
        return mask(rest.partition(";")[0]) if _NUMBER.fullmatch(rest.partition(";")[0]) else _HIDDEN
    return f"{_HIDDEN}@{host}" if _HOST.fullmatch(host) and not _LONG.search(host) else f"{_HIDDEN}@{_HIDDEN}"


def pretty(text: str) -> str:
    """Space a number for reading: ``+13125550001`` → ``+1 312-555-0001``; anything else stays as it is."""
    if not _E164.fullmatch(text):
        return text
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return text
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def check_endpoint(text: str, near: str = "") -> str:
    """Return ``text`` as Telnyx takes it: E.164 (spaces, dots, dashes and brackets fall away) or a SIP address.

    ``ValidationError`` says what is missing; ``near`` is a number in whose country a national one is looked up for a
    suggestion.
    """
    text = text.strip()
    if _SIP.fullmatch(text):
        return text
    short = compact(text)
    if not short.startswith("+"):
        raise ValidationError(_without_country(short, near))
    if not _E164.fullmatch(short):
        raise ValidationError(_ASKED)
    return _possible(short)


def same_form(text: str) -> str:
    """Return a number in the form of Telnyx's events, for comparing it with others; anything else as it is."""
    short = compact(text)
    return short if _E164.fullmatch(short) else text.strip()


def compact(text: str) -> str:
    """Return a number without what people put between its digits."""
    return re.sub(r"[\s().\-/]", "", re.sub(r"(?<=\d)\s*\(0\)", "", text))  # +49 (0)30 …: the 0 is for at home


_ASKED = "Enter a number with + and country code, as +13125550001, or a sip: address."


def _without_country(compact: str, near: str) -> str:
    """Return the hint to add a national number's country code, with the number it would be if that can be told."""
    if not compact.isdecimal() or len(compact) < 4:
        return _ASKED
    if compact.startswith("00"):
        return f"Write + instead of 00 before the country code: +{compact[2:]}"
    try:
        parsed = phonenumbers.parse(compact, phonenumbers.region_code_for_number(phonenumbers.parse(near)))
    except phonenumbers.NumberParseException:
        return f"Add the country code. {_ASKED}"
    meant = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return f"Add the country code. Did you mean {meant}?" if phonenumbers.is_possible_number(parsed) else _ASKED


def _possible(compact: str) -> str:
    try:
        parsed = phonenumbers.parse(compact)
    except phonenumbers.NumberParseException:
        raise ValidationError(f"There is no country code that {compact[:4]} begins with.") from None
    where = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    if reason == phonenumbers.ValidationResult.TOO_LONG:
        raise ValidationError(
            f"Too long: no number of {where} (country code +{parsed.country_code}) has so many digits."
        )
    if reason == phonenumbers.ValidationResult.TOO_SHORT:
        raise ValidationError(f"Too short: a number of {where} (country code +{parsed.country_code}) has more digits.")
    return compact
