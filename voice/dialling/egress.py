"""Reads from a command where media and events would go, and holds it to the hosts that the limits name.

A parameter is enough to have a call heard elsewhere (``stream_url``) or to take a leg out of the log (``webhook_url``).
Which members name an address is read from the SDK's types; what cannot be read as an address of one host is none that
is named. The portal's own host is always open.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from portal import hosts
from portal.refusals import LimitExceeded
from portal.telnyx.sdk_types import Parameter
from voice.catalogue import members, texml_documents
from voice.models import Limits

PERMISSION = "voice.send_anywhere"
_NAMES = re.compile(r"(.*_)?urls?|[A-Za-z]*(Url|Callback)s?")  # of TeXML: Url, AnnounceUrl, StatusCallbacks
_HELP = re.compile(r"network target")  # of the SDK: where forked media go, as udp:192.0.2.1:5000
_MAYBE = re.compile(r"\bURL\b")  # of the SDK: it may be an address, among other things
# where the SDK leaves open what stands
_OPEN_NAMES = re.compile(r"(.*_)?(url|uri|host|endpoint|server|address|domain)s?", re.IGNORECASE)
_LOOKS_LIKE_ONE = re.compile(r"([a-z][a-z0-9+.\-]*:)?[/\\]{2}", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?:(?:https?|wss?)://|udp:(?://)?)(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
    r"(?::\d{1,5})?(?:[/?#][^\x00-\x1f\\]*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Address:
    """Holds where something goes. ``host`` is in small letters, empty when it cannot be read."""

    place: str
    host: str


def names_address(parameter: Parameter) -> bool:
    """Tell whether by the SDK's description a member names where media or events go."""
    if parameter.choices or parameter.kind == "boolean":  # SendRecordingUrl
        return False
    return bool(_NAMES.fullmatch(parameter.name) or _HELP.search(parameter.help))


def may_name_address(parameter: Parameter) -> bool:
    """Tell whether it may, among other things."""
    return parameter.kind == "string" and not parameter.choices and bool(_MAYBE.search(parameter.help))


def addresses(action: str, parameters: Any) -> list[Address]:
    """Collect where else than here this command would send media or events, and have anything fetched from."""
    found, whole = list[Address](), list[str]()
    for member in members.walk(action, parameters):
        parameter = member.parameter
        if member.place.startswith(tuple(whole)):
            continue
        if member.place == texml_documents.PARAMETER:
            found += _of_document(member.place, member.value)
        elif parameter is not None and names_address(parameter):
            found += [_read(member.place, text) for text in _texts(member.value)]
            whole.append(f"{member.place}.")
        elif members.cannot_be_walked(member, names_address):
            found.append(Address(member.place, ""))
        elif isinstance(member.value, str) and _may_be_one(member):
            found.append(_read(member.place, member.value))
    own_host = urlsplit(settings.PORTAL_PUBLIC_URL).hostname  # in small letters, and never empty
    return [address for address in found if address.host != own_host]


def check(held: Iterable[Limits], found: Iterable[Address], user: Any = None) -> None:
    """Raise ``LimitExceeded`` for an address of a host that the account, or the token, does not name.

    Where the account names none, ``user`` needs a permission of its own; None is whom the portal does not ask (a rule,
    which was asked for when it was saved).
    """
    for limits in held:
        named = limits.egress_hosts
        for address in found:
            if named and not hosts.is_among(address.host, named):
                raise _refusal(limits, address, f"which has {', '.join(named)}")
            if not named and limits.account_id and user is not None and not user.has_perm(PERMISSION):
                raise _refusal(limits, address, f"which is empty, so it takes the permission {PERMISSION}")


def _refusal(limits: Limits, address: Address, why: str) -> LimitExceeded:
    where = address.host or "What cannot be read as the address of one host"
    words = (
        f"{where} is not among the hosts that calls may send to or fetch from (limit egress_hosts of {limits}): {why}."
    )
    return LimitExceeded("egress_hosts", limits.egress_hosts, words, address.place)


def _may_be_one(member: members.Member) -> bool:
    if member.parameter is not None and not may_name_address(member.parameter):
        return False
    looks = bool(_LOOKS_LIKE_ONE.match(member.value.strip()))
    return looks or (member.parameter is None and bool(_OPEN_NAMES.fullmatch(member.name)))


def _read(place: str, text: Any) -> Address:
    address = _ADDRESS.fullmatch(text.strip()) if isinstance(text, str) else None
    return Address(place, address["host"].lower() if address else "")


def _of_document(place: str, document: Any) -> list[Address]:
    """Read the addresses in a TeXML document; one that cannot be read is refused for whom it may call."""
    try:
        return [_read(place, text) for text in texml_documents.addresses(str(document or "<Response/>"))]
    except texml_documents.Unreadable:
        return []


def _texts(value: Any) -> Iterator[Any]:
    """Yield every value that stands in it; what is no text cannot be read."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    else:
        yield value
