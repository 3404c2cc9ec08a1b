"""Tells whether this process has been told to end: from then on it begins no request to Telnyx.

Signal handlers set it, and they must not wait for a lock: it is a plain flag, and no event.
"""


class _Process:
    is_ending = False


def begin() -> None:
    """Let no further request begin. What is on the wire comes to its end, by its own deadline."""
    _Process.is_ending = True


def has_begun() -> bool:
    """Tell whether this process is to end."""
    return _Process.is_ending
