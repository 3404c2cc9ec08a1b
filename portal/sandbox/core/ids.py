"""Makes ids as Telnyx gives them to applications, numbers and profiles."""

from portal.sandbox import chance


def new_id(now: float) -> str:
    """Return a 64-bit number in a string, growing with time (Unix seconds), as Telnyx's are."""
    return str((int(now * 1_000_000) << 10) | chance.bits(10))
