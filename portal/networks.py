"""Tells which network an IP address is of. Imports nothing: gunicorn's master needs it, and would hold all of it."""

from ipaddress import IPv6Address, ip_address


def network_of(address: str) -> str:
    """Return what one customer has of an IP address: of IPv6 the /64 network."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
