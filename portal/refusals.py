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

    @property
    def errors(self) -> dict[str, list[str]]:
        """Return the words by field, for a form."""
        return {"": [self.words]}


class FieldRefused(PortalRefusal):
    """Says what is wrong by the name of the ``field`` that it is wrong with; empty: with the whole."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field

    @property
    def errors(self) -> dict[str, list[str]]:
        return {self.field: [self.words]}


class LimitExceeded(PortalRefusal):
    """Says that a limit forbids it. ``limit`` is its name, ``value`` what it is set to, ``parameter`` what met it."""

    code = "limit_exceeded"

    def __init__(self, limit: str, value: Any, words: str, parameter: str = "to") -> None:
        super().__init__(words, limit=limit, value=value)
        self.limit, self.parameter = limit, parameter

    @property
    def errors(self) -> dict[str, list[str]]:
        return {self.parameter: [self.words]}
