"""Saves and deletes flows: the only writer of them, for admin and REST."""

from itertools import zip_longest
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from portal.actors import Actor
from portal.masking import hides_something, without_secrets
from portal.models import AuditEvent
from portal.sealed_json import with_kept_secrets
from voice.dialling import rights
from voice.flows.rules import MAX_RULES, problems
from voice.models import Flow, Rule

_HIDDEN = "It has a value that was hidden when it was read (•••). Enter that value whole."
_RULE_DEFAULTS: dict[str, Any] = {
    "event_type": "",
    "direction": Rule.Direction.INCOMING,
    "when": [],
    "do": [],
    "step": "",
    "stop": True,
}


def save_flow(flow: Flow, rules: list[dict[str, Any]] | None, actor: Actor) -> Flow:
    """Save ``flow`` and, unless None, replace its rules; ``ValidationError`` by field (``rules.0.do.0.action``).

    ``PortalRefusal`` for rules that do what their writer may not do by hand.
    """
    if rules is not None:
        rules = _with_kept_secrets(flow, rules)
        check_rules(rules)
    check_rights(flow, rules, actor)
    made = flow._state.adding
    flow.full_clean()
    flow._history_user = actor.user  # type: ignore[attr-defined]
    with transaction.atomic():
        flow.save()
        if rules is not None:
            _replace_rules(flow, rules, actor)
        AuditEvent.note(actor, "flow.create" if made else "flow.update", flow, rules=len(rules or []))
    return flow


def _with_kept_secrets(flow: Flow, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules with the secrets that their writer was not shown: of the same place, or to be entered anew.

    Of an action that is otherwise as it was: with another host or number the writer would have the secret sent there.
    """
    kept: list[Any] = [] if flow._state.adding else list(flow.rules.all())
    old: list[list[Any]] = [rule.do for rule in kept] + [[]] * len(rules)
    return [rule | {"do": _with_kept(rule.get("do", []), do)} for rule, do in zip(rules, old, strict=False)]


def _with_kept(entries: list[Any], old: list[Any]) -> list[Any]:
    pairs = zip_longest(entries, old[: len(entries)])
    return [with_kept_secrets(one, was) if without_secrets(one) == without_secrets(was) else one for one, was in pairs]


def delete_flow(flow: Flow, actor: Actor) -> None:
    """Delete the flow with its rules. Calls and commands it drove stay."""
    with transaction.atomic():
        AuditEvent.note(actor, "flow.delete", flow)
        flow._history_user = actor.user  # type: ignore[attr-defined]
        flow.delete()


def check_rights(flow: Flow, rules: list[dict[str, Any]] | None, actor: Actor) -> None:
    """Raise ``PortalRefusal`` unless the actor may do by hand what these rules (None: the flow's own) do.

    A rule acts on behalf of whoever wrote it. Who changes one rule, where the flow acts, or switches it on, answers
    for all of them: what one lets pass, the next may act on. To rename it or to switch it off takes no more.
    """
    before = Flow.objects.filter(pk=flow.pk).first()
    written = [_values(rule) for rule in before.rules.all()] if before else []
    wanted = written if rules is None else [_RULE_DEFAULTS | _known(rule) for rule in _with_kept_secrets(flow, rules)]
    moved = before is None or (before.account_id, before.connection_id) != (flow.account_id, flow.connection_id)
    switched_on = before is not None and flow.active and not before.active
    if moved or switched_on or wanted != written:
        rights.demand_for_rules(actor, flow.account, wanted)


def _values(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in _RULE_DEFAULTS}


def _known(rule: dict[str, Any]) -> dict[str, Any]:
    return {name: rule[name] for name in _RULE_DEFAULTS if name in rule}


def check_rules(rules: list[dict[str, Any]]) -> None:
    """Raise ``ValidationError`` naming each place, when a rule cannot be carried out."""
    if len(rules) > MAX_RULES:
        raise ValidationError({"rules": [f"A flow has at most {MAX_RULES} rules."]})
    found = {
        f"rules.{at}.{name}": messages for at, rule in enumerate(rules) for name, messages in problems(rule).items()
    }
    hidden = [(at, name) for at, rule in enumerate(rules) for name in ("when", "do") if hides_something(rule.get(name))]
    found |= {f"rules.{at}.{name}": [_HIDDEN] for at, name in hidden}
    if found:
        raise ValidationError(found)


def _replace_rules(flow: Flow, rules: list[dict[str, Any]], actor: Actor) -> None:
    """Keep rows that stay as they are, so that history tells what changed and no more."""
    kept = list(flow.rules.all())
    for at, values in enumerate(rules):
        rule = kept[at] if at < len(kept) else Rule(flow=flow)
        wanted = {name: values.get(name, default) for name, default in _RULE_DEFAULTS.items()} | {"position": at}
        if rule.pk is None or any(getattr(rule, name) != value for name, value in wanted.items()):
            for name, value in wanted.items():
                setattr(rule, name, value)
            rule._history_user = actor.user  # type: ignore[attr-defined]
            rule.save()
    for rule in kept[len(rules) :]:
        rule._history_user = actor.user  # type: ignore[attr-defined]
        rule.delete()
