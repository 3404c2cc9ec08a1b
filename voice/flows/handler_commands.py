"""Adds to a decision what the handlers of Python users make of an event: commands and a step."""

import copy
from datetime import datetime

from voice.flows import handlers
from voice.flows.handlers import Event, Leg, Registration
from voice.flows.rules import Decision, command_of, set_parameters
from voice.models import Call, CallCommand, CallEvent


def add(decision: Decision, call: Call, event: CallEvent, now: datetime) -> Decision:
    """Add to ``decision`` what each matching handler wants, in the order of their registration, after the rules."""
    found = handlers.matching(event.event_type, call.connection_id)
    meant = {one.name: one for one in found if one.direction in {"any", call.direction}}  # each function once
    for handler in meant.values():
        _run(handler, decision, call, event, now)
    return decision


def _run(handler: Registration, decision: Decision, call: Call, event: CallEvent, now: datetime) -> None:
    wishes, step = handlers.ask(handler, _told(event), _leg(call))
    decision.matched = True
    decision.step = step if step is not None else decision.step
    for at, wish in enumerate(wishes):
        command = _command(handler, call, event, wish.action, at, len(decision.commands), now)
        set_parameters(command, wish.parameters)
        decision.commands.append(command)


def _command(
    handler: Registration, call: Call, event: CallEvent, action: str, at: int, sequence: int, now: datetime
) -> CallCommand:
    intent = f"event:{event.pk}:{handler.name}:{at}"
    return command_of(call, event, action, sequence, intent, f"handler: {handler.name}", now)


def _told(event: CallEvent) -> Event:
    payload = copy.deepcopy(event.payload or {})  # the next handler is to see it as it came
    return Event(event.event_type, event.happened_at, payload)


def _leg(call: Call) -> Leg:
    names = ("call_control_id", "call_leg_id", "call_session_id", "connection_id", "direction", "state", "step")
    columns = {name: getattr(call, name) for name in (*names, "from_number", "to_number", "client_state")}
    return Leg(account=call.account.name, tags=tuple(call.tags), **columns)
