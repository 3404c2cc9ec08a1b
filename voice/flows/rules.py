"""Turns an event into commands by a flow's rules, not yet saved; and tells whether a rule can be saved at all."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal import sql, statements
from portal.telnyx.schemas import InvalidParameters
from voice.catalogue import actions, retry_policy
from voice.flows.conditions import BadPath, Condition, check_path, fill, is_unclosed, placeholders
from voice.models import Call, CallCommand, CallEvent, Flow, Rule

MAX_RULES, MAX_ACTIONS = 100, 20
_UNCLOSED = "A placeholder begins here that has no end: write {{ event.payload.from }}, with both braces at both ends."


@dataclass
class Decision:
    """Holds ``commands`` in order, the ``step`` the call goes to (None: stays), whether any rule matched."""

    commands: list[CallCommand] = field(default_factory=list)
    step: str | None = None
    matched: bool = False


def active_rules(call: Call, event_type: str) -> list[Rule]:
    """List the rules for this type in the call's active flow, in order. Written by hand, since most events take it."""
    statement = f"""SELECT {sql.columns(Rule)}, flow.name AS flow_name FROM voice_rule
                    JOIN voice_flow flow ON flow.id = voice_rule.flow_id
                    WHERE flow.active AND flow.account_id = %s AND flow.connection_id = %s
                    AND voice_rule.event_type = %s
                    ORDER BY voice_rule.position, voice_rule.id"""  # noqa: S608
    values = [sql.prepared(Call, "account", call.account_id), call.connection_id, event_type]
    found = statements.rows(Rule, statement, values)
    for rule in found:
        rule.flow = Flow(pk=rule.flow_id, name=vars(rule)["flow_name"])
    return found


def commands_for(call: Call, event: CallEvent, rules: Iterable[Rule], now: datetime) -> Decision:
    """Run ``rules`` (of the call's active flow, for this event type, in order) until one that matches says stop."""
    decision, context = Decision(), context_of(call, event)
    for rule in rules:
        if not _matches(rule, call, context):
            continue
        decision.matched = True
        for entry in rule.do:
            decision.commands.append(_command(call, event, rule, entry, len(decision.commands), now))
        if rule.step:
            decision.step = rule.step
        if rule.stop:
            break
    return decision


def context_of(call: Call, event: CallEvent) -> dict[str, Any]:
    """Collect what conditions and placeholders can see."""
    names = ("call_control_id", "call_leg_id", "call_session_id", "connection_id", "direction", "state", "step")
    call_fields = {name: getattr(call, name) for name in (*names, "client_state", "tags")}
    call_fields |= {"from": call.from_number, "to": call.to_number}
    at = event.happened_at
    event_fields = {"event_type": event.event_type, "occurred_at": at.isoformat(), "payload": event.payload or {}}
    return {"event": event_fields, "call": call_fields}


def problems(given: dict[str, Any]) -> dict[str, list[str]]:
    """List what is wrong with a rule's ``event_type``, ``when`` and ``do``, by dotted name; empty if nothing is."""
    found: dict[str, list[str]] = {}
    for at, condition in _items(given, "when", found, 50):
        try:
            Condition.read(condition)
        except ValueError as error:
            found[f"when.{at}"] = [str(error)]
        else:  # of rules that are there already a missing one still counts as null
            if "value" not in condition and condition["op"] != "exists":
                found[f"when.{at}"] = [f'Give the value that "{condition["op"]}" compares with.']
    for at, entry in _items(given, "do", found, MAX_ACTIONS):
        found |= {f"do.{at}.{name}".rstrip("."): messages for name, messages in _action_problems(entry).items()}
    return found


def _items(given: dict[str, Any], name: str, found: dict[str, list[str]], most: int) -> Iterable[tuple[int, Any]]:
    value = given.get(name, [])
    if not isinstance(value, list) or len(value) > most:
        found[name] = [f"Must be a list of at most {most}."]
        return []
    return enumerate(value)


def _action_problems(entry: Any) -> dict[str, list[str]]:
    if not isinstance(entry, dict) or not isinstance(entry.get("action"), str):
        return {
            "": ['An action looks like {"action": "speak", "parameters": {"payload": "Hello", "voice": "female"}}.']
        }
    if unknown := entry.keys() - {"action", "parameters"}:
        return {name: ["Unknown member."] for name in sorted(unknown)}
    action, given = entry["action"], entry.get("parameters", {})
    if action not in actions.names():
        return {"action": [f'Telnyx has no call action "{action}".']}
    for path in placeholders(given):
        try:
            check_path(path)
        except BadPath as error:
            return {"parameters": [str(error)]}
    unclosed = [name for name, value in given.items() if is_unclosed(value)] if isinstance(given, dict) else []
    return {f"parameters.{name}": [_UNCLOSED] for name in unclosed} or _parameter_problems(action, given)


def _parameter_problems(action: str, given: Any) -> dict[str, list[str]]:
    try:
        actions.check(action, given)
    except InvalidParameters as error:
        # what a placeholder will be is known only when it is filled; whether the parameter exists is known now
        open_names = (
            {name for name, value in given.items() if placeholders(value)} if isinstance(given, dict) else set()
        )
        known = {parameter.name for parameter in actions.parameters(action)}
        return {
            f"parameters.{name}": messages
            for name, messages in error.errors.items()
            if name.split(".")[0] not in open_names & known
        }
    return {}


def _matches(rule: Rule, call: Call, context: dict[str, Any]) -> bool:
    try:
        conditions = [Condition.read(given) for given in rule.when]
    except ValueError:
        return False  # saved by an older version; the flow's page shows what is wrong with it
    tells_direction = any(condition.tells_direction for condition in conditions)
    if not tells_direction and rule.direction not in {Rule.Direction.ANY, call.direction}:
        return False
    return all(condition.matches(context) for condition in conditions)


def _command(
    call: Call, event: CallEvent, rule: Rule, entry: dict[str, Any], sequence: int, now: datetime
) -> CallCommand:
    asked_by, intent = f"rule: {rule.flow.name} #{rule.position + 1}", f"event:{event.pk}:{sequence}"
    command = command_of(call, event, entry["action"], sequence, intent, asked_by, now)
    try:
        set_parameters(command, fill(entry.get("parameters", {}), context_of(call, event)))
    except KeyError as missing:
        _expire(command, f"The event has no {missing.args[0]}.")
    return command


def command_of(
    call: Call, event: CallEvent, action: str, sequence: int, intent: str, asked_by: str, now: datetime
) -> CallCommand:
    """Make an unsaved command of this event, without parameters yet. It gets too old as the event does."""
    at = event.happened_at
    return CallCommand(
        account_id=call.account_id,
        action=action,
        call=call,
        call_control_id=call.call_control_id,
        event=event,
        sequence=sequence,
        intent_key=intent,
        requested_by=asked_by,
        created_at=now,
        expires_at=at + retry_policy.freshness(action),
    )


def set_parameters(command: CallCommand, parameters: dict[str, Any]) -> None:
    """Set the parameters; a command that Telnyx would refuse is ``expired`` and says so."""
    command.parameters = parameters
    try:
        command.parameters = actions.check(command.action, parameters)
    except InvalidParameters as error:
        _expire(command, f"Not sent, since Telnyx would refuse it: {error}")


def _expire(command: CallCommand, why: str) -> None:
    command.status, command.error, command.finished_at = CallCommand.Status.EXPIRED, why, command.created_at
