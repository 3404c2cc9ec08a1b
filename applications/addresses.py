"""Judges the addresses that an application is given: which are refused before Telnyx is asked, and which look
unreachable.

Telnyx takes http and https addresses of at most 2000 characters ("Call Control Applications", ``webhook_event_url``).
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from portal.masking import HIDDEN

LONGEST = 2000
_HIDDEN_PART = "A part of this address was hidden when it was read (•••). Enter it whole."
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


def is_address(name: str) -> bool:
    """Return whether the parameter of that name holds an address."""
    return name.endswith("_url") or name == "status_callback"


def problems(values: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with the addresses among ``values``, by name. One that ``kept`` has, too, is not judged."""
    judged = {
        name: value
        for name, value in values.items()
        if is_address(name) and isinstance(value, str) and value and kept.get(name) != value
    }
    return {
        name: [reason]
        for name, value in judged.items()
        if (reason := _HIDDEN_PART if HIDDEN in value else problem(value))
    }


def problem(url: str) -> str:
    """Return why ``url`` cannot be an address for Telnyx, as a sentence; empty when it can."""
    if len(url) > LONGEST:
        return f"This address has {len(url)} characters; Telnyx takes {LONGEST}."
    if _BLANK.search(url):
        return "An address holds no spaces."
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "This address cannot be read."
    if parts.scheme not in {"http", "https"} or not host:
        return "This must be an http:// or https:// address with a host."
    if parts.username is not None or parts.password is not None:
        return "A user name or password does not belong into an address: it would be shown to everybody."
    return ""


def unreachable(url: str) -> str:
    """Return why nobody outside can reach ``url``, as far as its host alone tells; empty when it may.

    No name is looked up.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
    if host == "localhost" or host.endswith(_LOCAL_NAMES) or (host and "." not in host and ":" not in host):
        return f"{host} is a name of a local network"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.is_loopback:
        return f"{host} is the machine itself"
    return "" if address.is_global else f"{host} is a private address"
