"""Reads from a command whom it would call: the number's country, its kind, or the SIP address.

Which members name a destination is read from the SDK's types, by name and by what their help says: as a text, a list,
or deeper, as the targets of an assistant's tool. What stands there and cannot be read is *unreadable*: it is not sent.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber, PhoneNumberType

from portal.telnyx.sdk_types import Parameter
from voice.catalogue import members, texml_documents

_NAMES = ("to", "sip_address", "targets", "To")
_CALLER = "From"  # of TeXML: its help reads as if it were called
_HELP = re.compile(r"(number|DID) or SIP URI|SIP URI to which")  # of the SDK, beside each that there is
_SEPARATORS = re.compile(r"[\s().\-/]")
_NUMBER = re.compile(r"\+[1-9]\d{4,17}", re.ASCII)
_PREMIUM = {PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST}
_PREMIUM_CODES = {808, 979}  # international shared cost and premium rate (ITU-T E.164, Annex)
_DIGITS_OF_A_NUMBER = 5

_SIP = re.compile(r"sips?:(?:([^@]+)@)?([^@;?]+)((?:;[^;?]+)*)", re.IGNORECASE)
_HOST = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?)\.?(?::\d{1,5})?|(\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
# what a SIP address may say beside whom: how it is carried, never where else (maddr, route, headers behind a ?)
_SIP_PARAMETERS = re.compile(r"(?:;(?:transport=[a-z]+|secure=[a-z]+|user=phone|lr))*", re.IGNORECASE)
# its hosts of every region
_TELNYX = re.compile(r"(.*\.)?telnyx\.(com|eu|ca|com\.au)")
# any bare address may be one of them, and a name that looks like theirs may lead there
_CARRIER = re.compile(r"(.*\.)?telnyx\.[a-z.]+|[\d.]+|\[.*\]")
_PLAIN_USER = re.compile(r"[a-z][a-z0-9._\-]*", re.ASCII)  # somebody who is registered at a carrier, not a way to dial
_ODD = re.compile(r"[\x00-\x20\x7f\s%/;:@\"'<>{}\\]")


@dataclass(frozen=True)
class Destination:
    """Describes who is called. ``parameter`` names it to people; ``number`` is None for a SIP address without one.

    ``host`` is a SIP address's, in small letters; empty for a number and for Telnyx's own hosts.
    """

    parameter: str
    number: PhoneNumber | None
    is_sip: bool = False
    host: str = ""

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


@dataclass
class Named:
    """Holds whom a command names: who can be read, and by dotted name what cannot.

    ``dials`` counts what it may ring: each number of a list at once, but one target of a tool, which chooses.
    ``is_open`` says that an assistant kept at Telnyx, or with tools of a document, may call whom nobody here knows.
    """

    found: list[Destination] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    dials: int = 0
    is_open: bool = False

    def __bool__(self) -> bool:
        return bool(self.found or self.unreadable)


def names_destination(parameter: Parameter) -> bool:
    """Tell whether by the SDK's description a member names whom to call."""
    return parameter.name in _NAMES or bool(parameter.name != _CALLER and _HELP.search(parameter.help))


def destinations(action: str, parameters: Any) -> Named:
    """Collect everyone this command would call, and the members that name somebody who cannot be read.

    Where the SDK leaves open what stands (dynamic variables, a JSON Schema), only a ``to`` that holds digits or a
    placeholder of Telnyx's can be unreadable, since it may mean other things.
    """
    named, choices = Named(), list[str]()
    for member in members.walk(action, parameters):
        parameter, is_chosen = member.parameter, member.place.startswith(tuple(choices))
        if parameter is not None and names_destination(parameter):
            targets = parameter.item.fields if parameter.item else ()
            named_by = {inner.name for inner in targets if names_destination(inner)}
            if named_by:
                choices.append(f"{member.place}.")
            count = _take(named, member, named_by)
            named.dials += 0 if is_chosen else count
        elif parameter is not None and member.place == texml_documents.PARAMETER:
            named.dials += _take_document(named, member.value)
        elif parameter is None and member.name in _NAMES:
            named.dials += _take_open(named, member)
        elif members.cannot_be_walked(member, names_destination):
            named.unreadable.append(member.place)
            named.dials += 0 if is_chosen else 1
        elif isinstance(member.value, dict) and parameter is not None and not member.value.get("tools"):
            named.is_open |= {"id", "tools"} <= {inner.name for inner in parameter.fields}
    return named


def _take(named: Named, member: members.Member, named_by: set[str]) -> int:
    """Read what stands where somebody is named; count how many are rung at once.

    ``named_by`` are members of targets to choose from: each of these is read when the walk comes to it.
    """
    listed = member.value if isinstance(member.value, list) and member.value else [member.value]
    if named_by and all(isinstance(one, dict) and named_by & one.keys() for one in listed):
        return 1
    for text in listed:
        if isinstance(text, str) and (destination := read(text, member.place)):
            named.found.append(destination)
        else:
            named.unreadable.append(member.place)
    return 1 if named_by else len(listed)


def _take_open(named: Named, member: members.Member) -> int:
    texts = member.value if isinstance(member.value, list) else [member.value]
    count = 0
    for text in texts:
        if not isinstance(text, str):
            continue
        if destination := read(text, member.place):
            named.found.append(destination)
        elif "{{" in text or sum(character.isdigit() for character in text) >= _DIGITS_OF_A_NUMBER:
            named.unreadable.append(member.place)
        else:
            continue
        count = 1
    return count


def _take_document(named: Named, document: Any) -> int:
    """Read whom a TeXML document calls; one that cannot be read may call anybody, and so may an assistant's tools."""
    try:
        called = texml_documents.called(str(document or "<Response/>"))
    except texml_documents.Unreadable:
        named.unreadable.append(texml_documents.PARAMETER)
        return 1
    for element, text in called:
        address = f"sip:{text}" if element == "sip" and ":" not in text.partition("@")[0] else text
        if destination := read(address, texml_documents.PARAMETER):
            named.found.append(destination)
        else:
            named.unreadable.append(texml_documents.PARAMETER)
    named.is_open |= texml_documents.has_assistant(str(document or "<Response/>"))
    return len(called)


def read(text: str, parameter: str = "to") -> Destination | None:
    """Read a number with + and country code, or a SIP address, whose user part may be a number again; else None."""
    text = text.strip()
    if parameter.endswith("sip_address") and ":" not in text.partition("@")[0]:
        text = f"sip:{text}"  # it can be nothing else
    if sip := _SIP.fullmatch(text):
        return _sip(sip[1] or "", sip[2], sip[3], parameter)
    number = _number(text)
    return Destination(parameter, number) if number else None


def _sip(user: str, host: str, rest: str, parameter: str) -> Destination | None:
    """Read a SIP address; None when it says in a roundabout way whom it calls, or by which other host."""
    if not _SIP_PARAMETERS.fullmatch(rest):
        return None
    where = _HOST.fullmatch(host)
    if where is None:
        number = _number(host) if not user else None  # sip:+13125550001, by the carrier's own host
        return Destination(parameter, number, is_sip=True) if number else None
    name = (where[1] or where[2]).lower()
    is_carrier = bool(_CARRIER.fullmatch(name))
    meant = unquote(user or where[1] or "").lower().removeprefix("tel:")
    called = _user(meant, is_carrier)
    number = _number(called)
    if _ODD.search(meant) or (number is None and called.startswith("+")):
        return None  # two readings of it are possible, or it is a phone's number that cannot be read
    if number is None and is_carrier and not _PLAIN_USER.fullmatch(called):
        return None  # *67…, #31#…: a carrier dials it, and nobody here knows whom
    return Destination(parameter, number, is_sip=True, host="" if _TELNYX.fullmatch(name) else name)


def _user(user: str, is_carrier: bool) -> str:
    """Read what a SIP address calls.

    With +, with an international prefix, or any long number at a carrier's host, it is a phone's number. Ten digits
    there are dialled as North American.
    """
    compact = _SEPARATORS.sub("", user)
    if prefix := re.match(r"00+|011", compact):
        return f"+{compact[prefix.end() :]}"
    if compact.startswith("+"):
        return compact
    if not (is_carrier and compact.isdecimal() and len(compact) > 6):
        return user
    return f"+1{compact}" if len(compact) == 10 else f"+{compact}"


def _number(text: str) -> PhoneNumber | None:
    compact = _SEPARATORS.sub("", text)
    if not _NUMBER.fullmatch(compact):
        return None
    try:
        return phonenumbers.parse(compact)
    except phonenumbers.NumberParseException:
        return None
