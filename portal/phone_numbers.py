"""Shows, masks and checks phone numbers and SIP addresses."""

import re
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_NUMBER_ANYWHERE = re.compile(r"\+?\d{7,15}")
_PLUS_NUMBER = re.compile(r"\+\d{7,15}")
_SIP_USER = re.compile(r"(sips?:)[^\s@]{1,128}@", re.IGNORECASE)
_SIP = re.compile(
    r"sips?:[^\s@]{1,128}@(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]{1,253})(:\d{1,5})?(;[^\s?]{1,200})?", re.IGNORECASE
)


def mask(text: str) -> str:
    """Mask a number: ``+13125550001`` → ``+1312•••0001``; what is no number keeps nothing but its kind."""
    if _E164.fullmatch(text):
        return f"{text[:-7]}•••{text[-4:]}" if len(text) > 9 else f"{text[:2]}•••{text[-2:]}"
    if _SIP.fullmatch(text):
        return "sip:•••@" + text.partition("@")[2].partition(";")[0]
    return _NUMBER_ANYWHERE.sub(lambda match: f"•••{match.group()[-4:]}", text)


def display_number(text: str, user: Any) -> str:
    """Return ``text`` as this person may see it: whole with ``voice.view_full_number``, else masked."""
    return text if user.has_perm("voice.view_full_number") else mask(text)


def masked_for(user: Any, value: Any) -> Any:
    """Return a JSON value for this person: as it is with ``voice.view_full_number``, else with its numbers masked."""
    return value if user.has_perm("voice.view_full_number") else masked(value)


def masked(value: Any) -> Any:
    """Mask every number in a JSON value, also within a text; ids that only look like one (no ``+``) stay."""
    if isinstance(value, str):
        return mask(value) if value.startswith(("sip:", "sips:")) else _masked_text(value)
    if isinstance(value, list):
        return [masked(item) for item in value]
    if isinstance(value, dict):
        return {name: _masked_member(name, item) for name, item in value.items()}
    return value


def _masked_text(text: str) -> str:
    return _SIP_USER.sub(r"\1•••@", _PLUS_NUMBER.sub(lambda match: mask(match.group()), text))


def _masked_member(name: str, value: Any) -> Any:
    # carriers also send numbers without +; under these names (TeXML's begin with a capital) it can be nothing else
    name = name.lower()
    if name in {"from", "to", "callerid"} and isinstance(value, str):
        return mask(value)
    if name in {"from_formatted", "to_formatted"} and isinstance(value, str):  # TeXML's: (312) 555-0001
        return mask("+" * value.startswith("+") + re.sub(r"\D", "", value))
    # keys a caller pressed may be a card's or a secret
    return "•" * len(value) if name in {"digit", "digits"} and isinstance(value, str) else masked(value)


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
    compact = re.sub(r"[\s().\-/]", "", re.sub(r"(?<=\d)\s*\(0\)", "", text))  # +49 (0)30 …: the 0 is for at home
    if not compact.startswith("+"):
        raise ValidationError(_without_country(compact, near))
    if not _E164.fullmatch(compact):
        raise ValidationError(_ASKED)
    return _possible(compact)


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
