"""Reads from a command's parameters whom it would call: the number's country, its kind, or the SIP address."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, PhoneNumberType

from voice.catalogue import texml_documents

# dial and transfer, refer, TeXML's dials; within an assistant's tools they stand deeper
_MEMBERS = ("to", "sip_address", "To")
_SEPARATORS = re.compile(r"[\s().\-/]")
_NUMBER = re.compile(r"\+[1-9]\d{4,17}", re.ASCII)
_SIP = re.compile(r"sips?:(?:(\S+)@)?([^@\s;?]+)[^@\s]*", re.IGNORECASE)  # the last @ is the host's
# its hosts of every region (sip.telnyx.eu, sip.telnyx.com.au), and any bare address, which may be one of them
_CARRIER = re.compile(r"(.*\.)?telnyx\.[a-z.]+|[\d.]+|\[.*\]?", re.IGNORECASE)
_PREMIUM = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST}
_PREMIUM_CODES = {808, 979}  # international shared cost and premium rate (ITU-T E.164, Annex)


@dataclass(frozen=True)
class Destination:
    """Describes who is called. ``parameter`` names it to people; ``number`` is None for a SIP address without one."""

    parameter: str
    number: PhoneNumber | None
    is_sip: bool = False

    @property
    def e164(self) -> str:
        return phonenumbers.format_number(self.number, phonenumbers.PhoneNumberFormat.E164) if self.number else ""

    @property
    def regions(self) -> set[str]:
        """List the ISO codes it may be in: one for a number that exists, else all of its country code."""
        if self.number is None:
            return set()
        region = phonenumbers.region_code_for_number(self.number)
        return {region} if region else set(COUNTRY_CODE_TO_REGION_CODE.get(self.number.country_code or 0, ()))

    @property
    def is_premium(self) -> bool:
        if self.number is None:
            return False
        return phonenumbers.number_type(self.number) in _PREMIUM or self.number.country_code in _PREMIUM_CODES


_DOCUMENT = "Texml"
DEEPER = "tools"  # where an unreadable destination stands that is not a parameter of its own
_DIGITS_OF_A_NUMBER = 5


def destinations(parameters: dict[str, Any]) -> tuple[list[Destination], list[str]]:
    """Collect everyone these parameters would call, and the parameters that cannot be read as a destination.

    Deeper members (an assistant's transfer tool) count, too; there, only a ``to`` that holds digits or a placeholder
    of Telnyx's can be unreadable (``DEEPER``), since it may mean other things.
    """
    found: list[Destination] = []
    unreadable: list[str] = []
    for name in _MEMBERS:
        for text in _texts(parameters.get(name)):
            if destination := read(text, name):
                found.append(destination)
            else:
                unreadable.append(name)
    deeper = (value for name, value in parameters.items() if name not in _MEMBERS)
    for name, text in (pair for value in deeper for pair in _walk(value)):
        if destination := read(text, name):
            found.append(destination)
        elif name in _MEMBERS and (
            "{{" in text or sum(character.isdigit() for character in text) >= _DIGITS_OF_A_NUMBER
        ):
            unreadable.append(DEEPER)
    for document in _texts(parameters.get(_DOCUMENT)):
        for text in _called_by(document):
            if destination := read(text, _DOCUMENT):
                found.append(destination)
            else:
                unreadable.append(DEEPER)
    return found, unreadable


def _called_by(document: str) -> list[str]:
    """List whom a TeXML document calls; of one that cannot be read a text that is nobody's."""
    try:
        return [
            f"sip:{text}" if element == "sip" and ":" not in text.partition("@")[0] else text
            for element, text in texml_documents.called(document)
        ]
    except texml_documents.Unreadable:
        return [document]


def read(text: str, parameter: str = "to") -> Destination | None:
    """Read a number with + and country code, or a SIP address, whose user part may be a number again; else None."""
    text = text.strip()
    if parameter == "sip_address" and ":" not in text.partition("@")[0]:
        text = f"sip:{text}"  # it can be nothing else
    if sip := _SIP.fullmatch(text):
        user = _user(sip[1] or sip[2], sip[2])
        number = _number(user)
        if number is None and user.startswith("+"):
            return None  # a phone's number that cannot be read
        return Destination(parameter, number, is_sip=True)
    number = _number(text)
    return Destination(parameter, number) if number else None


def _user(user: str, host: str) -> str:
    """Read what a SIP address calls.

    With +, with an international prefix, or any long number at a carrier's host, it is a phone's number. Ten digits
    there are dialled as North American.
    """
    user = re.split(r"[;:@]", unquote(user).lower().removeprefix("tel:"))[0]
    user = _SEPARATORS.sub("", user)
    if prefix := re.match(r"00+|011", user):
        return f"+{user[prefix.end() :]}"
    if not (_CARRIER.fullmatch(host.split(":", maxsplit=1)[0].rstrip(".")) and user.isdecimal() and len(user) > 6):
        return user
    return f"+1{user}" if len(user) == 10 else f"+{user}"


def _number(text: str) -> PhoneNumber | None:
    compact = _SEPARATORS.sub("", text)
    if not _NUMBER.fullmatch(compact):
        return None
    try:
        return phonenumbers.parse(compact)
    except phonenumbers.NumberParseException:
        return None


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [text for text in listed if isinstance(text, str) and text]


def _walk(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item)
    if isinstance(value, dict):
        for name, item in value.items():
            if name in _MEMBERS:
                yield from ((name, text) for text in _texts(item))
            yield from _walk(item)
