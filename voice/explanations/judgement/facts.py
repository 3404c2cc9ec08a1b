"""Holds the facts of a session that a verdict is made of: events, commands, and what else is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

NEW_CALLS = frozenset(
    {"dial", "texml.calls.dial", "texml.calls.create", "texml.ai_calls.create", "texml.participants.dial"}
)


@dataclass(frozen=True)
class Event:
    """Tells what happened on ``leg``, in Call Control's words. ``is_recovered``: no webhook brought it.

    ``is_asked``: no event tells it, but Telnyx's answer when it was asked for the call.
    """

    id: str
    type: str
    at: datetime
    leg: str
    payload: Mapping[str, Any]
    received_at: datetime | None = None
    attempt: int = 1
    is_recovered: bool = False
    is_texml: bool = False
    is_asked: bool = False


@dataclass(frozen=True)
class Command:
    """Tells what we asked for. ``code`` is Telnyx's of a refusal, ``reason`` its narrower one (D13).

    ``was_lost``: an attempt before the last one may have acted without our knowing.
    """

    id: str
    action: str
    status: str
    by: str
    created_at: datetime
    sent_at: datetime | None
    leg: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    http_status: int | None = None
    code: str = ""
    reason: str = ""
    pointer: str = ""
    words: str = ""
    finished_at: datetime | None = None
    was_lost: bool = False
    held_since: datetime | None = None
    held_until: datetime | None = None
    held_why: str = ""
    settlement: str = ""  # of one that was uncertain, in words
    was_asked: bool = True  # Telnyx, by the last attempt: else it is refused here

    @property
    def is_dial(self) -> bool:
        """Tell whether it makes a call of its own."""
        return self.action in NEW_CALLS

    @property
    def was_faster_than_us(self) -> bool:
        """Tell whether Telnyx answered that the call was over already."""
        return self.code == "90018"

    def parameter(self, *names: str) -> Any:
        """Return the first of these parameters that is there."""
        return next((self.parameters[name] for name in names if self.parameters.get(name) not in (None, "")), None)


@dataclass(frozen=True)
class Context:
    """Tells what else is known: the clock, the account's breaker, the application, whether the call lives at Telnyx.

    None is: not known.
    """

    now: datetime | None = None
    breaker_since: datetime | None = None
    breaker_until: datetime | None = None
    breaker_why: str = ""
    first_command_seconds: float | None = None
    has_flow: bool | None = None
    answered_by: str = ""  # without a flow: who asked for the answer to another call of the application
    is_old_format: bool = False
    is_alive: bool | None = None
    same_length: int = 0  # other calls to the same prefix that were cut after the same time
    directions: Mapping[str, str] = field(default_factory=dict)  # of legs, as their rows have it
    living: Mapping[str, bool] = field(default_factory=dict)  # legs, as their rows have it


@dataclass(frozen=True)
class Facts:
    """Gathers all that is known of one session."""

    events: tuple[Event, ...] = ()
    commands: tuple[Command, ...] = ()
    context: Context = Context()
