"""Defines the error for what the portal itself forbids, before Telnyx is asked: ``PortalRefusal``."""

from typing import Any


class PortalRefusal(Exception):
    """A rule of the portal forbids it; nothing was queued or sent.

    403 over REST, with ``code`` and ``members``.
    """

    code = "permission_denied"

    def __init__(self, words: str, **members: Any) -> None:
        super().__init__(words)
        self.words, self.members = words, members
