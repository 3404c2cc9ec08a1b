"""Runs Python users' code for an event type, from plain modules that the setting ``EVENT_HANDLERS`` names.

    from voice.handlers import command, on

    @on("call.initiated", connection_id="1293384261075731499")
    def greet(event, call):
        return [command("answer"), command("speak", {"payload": "Hello", "voice": "female"})]

What a handler returns is held to what holds for rules: saved in the transaction that applies the event, sent in order,
each once, never late. It runs inside that transaction: it must be quick, and ask nobody over the network.
"""

import difflib
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, TypeVar

from voice.catalogue import actions
from voice.catalogue.event_types import EVENT_TYPES

_LONGEST_STEP = 100
DIRECTIONS = ("incoming", "outgoing", "any")


@dataclass(frozen=True)
class Wish:
    """Asks for an action on the call, by SDK name, with parameters by wire name. Made by ``command``."""

    action: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """Names where the call stands afterwards, as a rule's step. Made by ``step``."""

    name: str

    def __post_init__(self) -> None:
        if len(self.name) > _LONGEST_STEP:  # the call's row holds no more, nor does any rule's
            raise ValueError(f"A step has at most {_LONGEST_STEP} characters.")


@dataclass(frozen=True)
class Event:
    """Holds the event as Telnyx sent it. ``occurred_at`` is aware, in UTC; ``payload`` is a copy."""

    event_type: str
    occurred_at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Leg:
    """Holds the call as it stands with this event applied. Nothing written to it would be kept."""

    account: str
    call_control_id: str
    call_leg_id: str
    call_session_id: str
    connection_id: str
    direction: str
    from_number: str
    to_number: str
    state: str
    step: str
    client_state: str
    tags: tuple[str, ...]


Answer = Wish | Step | Iterable[Wish | Step] | None
Handler = Callable[[Event, Leg], Answer]
H = TypeVar("H", bound=Callable[..., Any])


@dataclass(frozen=True)
class Registration:
    """Registers a function. ``name`` is its dotted name: with the event it makes a command's intent."""

    name: str
    event_type: str
    connection_id: str
    direction: str
    run: Handler


class HandlerFailed(Exception):
    """Says that a handler raised, or returned what is no command. The event is tried again, then ``dead``."""

    def __init__(self, name: str, error: Exception) -> None:
        super().__init__(f"{type(error).__name__} in the handler {name}")
        # where, and what kind of error: its message may hold a caller's number, or anything else of the payload
        self.where = "".join(traceback.format_tb(error.__traceback__))


def command(action: str, parameters: Mapping[str, Any] | None = None) -> Wish:
    """Ask for an action on the event's call. ``ValueError`` for one the SDK does not have."""
    if action not in actions.names():
        raise ValueError(f'Telnyx has no call action "{action}".')
    return Wish(action, dict(parameters or {}))


def step(name: str) -> Step:
    """Move the call to a step, which rules and handlers can ask for (``call.step``).

    ``ValueError`` for more than 100 characters.
    """
    return Step(name)


def on(event_type: str, *, connection_id: str = "", direction: str = "incoming") -> Callable[[H], H]:
    """Run the function for each event of that type: of one application, or of all; of incoming legs unless said."""

    def register(function: H) -> H:
        name = f"{function.__module__}.{function.__qualname__}"
        _registry.add(Registration(name, event_type, str(connection_id), direction, function))
        return function

    return register


class Registry:
    """Holds what was registered, and what is wrong with it."""

    def __init__(self) -> None:
        self.registered: list[Registration] = []
        self.problems: list[str] = []

    def add(self, new: Registration) -> None:
        self.problems += [f"{new.name}: {problem}" for problem in _problems(new)]
        others = [other for other in self.registered if other.name == new.name and other.run is not new.run]
        if others:
            self.problems.append(f"{new.name}: two functions have this name, so their commands could not be told apart")
        self.registered.append(new)

    def load(self, modules: Iterable[str]) -> None:
        """Import each module, once; a failure is a problem, told by ``voice.E001``."""
        for module in modules:
            try:
                import_module(module)
            except Exception as error:
                self.problems.append(f"{module} cannot be imported: {type(error).__name__}: {error}")

    def matching(self, event_type: str, connection_id: str) -> list[Registration]:
        """List those for this event, whatever the direction: a function as often as it was registered for it.

        ``HandlerFailed`` if some are missing.
        """
        if self.problems:  # a server that runs no checks: an event is not to pass by a handler that is not there
            raise HandlerFailed("EVENT_HANDLERS", ImportError(self.problems[0]))
        return [
            handler
            for handler in self.registered
            if handler.event_type == event_type and handler.connection_id in {"", connection_id}
        ]


def load(modules: Iterable[str]) -> None:
    """Fill the registry, at the start of each process."""
    _registry.load(modules)


def problems() -> list[str]:
    """List what is wrong with the handlers, in words."""
    return list(_registry.problems)


def matching(event_type: str, connection_id: str) -> list[Registration]:
    """List the handlers of an event of that application."""
    return _registry.matching(event_type, connection_id)


def ask(handler: Registration, event: Event, call: Leg) -> tuple[list[Wish], str | None]:
    """Run the handler; return its commands in order, and the step. ``HandlerFailed`` for whatever goes wrong in it."""
    try:
        answer = handler.run(event, call)
        wishes: list[Wish] = []
        wanted: str | None = None
        for item in [answer] if isinstance(answer, Wish | Step) else list(answer or ()):
            if isinstance(item, Step):
                wanted = item.name
            elif isinstance(item, Wish):
                wishes.append(item)
            else:
                raise TypeError(f"a handler returns commands, not {type(item).__name__}")
        return wishes, wanted
    except Exception as error:
        raise HandlerFailed(handler.name, error) from None


def _problems(handler: Registration) -> list[str]:
    found = []
    if handler.event_type not in EVENT_TYPES:
        near = difflib.get_close_matches(handler.event_type, EVENT_TYPES, 1)
        found.append(
            f'there is no event type "{handler.event_type}"' + (f': did you mean "{near[0]}"?' if near else "")
        )
    if handler.direction not in DIRECTIONS:
        found.append(f'the direction is one of {", ".join(DIRECTIONS)}, not "{handler.direction}"')
    if len(handler.name) > 120:
        found.append("the name is longer than 120 characters")
    return found


_registry = Registry()
