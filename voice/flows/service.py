"""Saves and deletes flows: the only writer of them, for admin and REST."""

from collections.abc import Collection
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from portal.actors import Actor
from portal.masking import hides_something, without_secrets
from portal.models import AuditEvent
from portal.sealed_json import with_kept_secrets
from voice.dialling import rights
from voice.flows.rules import MAX_RULES, problems
from voice.models import Flow, Rule

OF_SAVE = "save "  # how the history of a rule tells which save of its flow it belongs to: no clock of two hosts does
_HIDDEN = "It has a value that was hidden when it was read (•••). Enter that value whole."
_COLUMNS = {"account_id", "name", "connection_id", "active"}
_RULE_DEFAULTS: dict[str, Any] = {
    "event_type": "",
    "direction": Rule.Direction.INCOMING,
    "when": [],
    "do": [],
    "step": "",
    "stop": True,
}


def save_flow(flow: Flow, rules: list[Any] | None, actor: Actor, changed: Collection[str] | None = None) -> Flow:
    """Save ``flow`` and, unless None, replace its rules; ``ValidationError`` by field (``rules.0.do.0.action``).

    ``changed`` names what of it is to be another, the rest stays as it is by then; None: all of it is to be as given.
    ``PortalRefusal`` for rules that do what their writer may not do by hand, ``Flow.DoesNotExist`` when it is gone.
    """
    try:
        with transaction.atomic():
            _save(flow, rules, actor, changed)
    except IntegrityError:
        flow.validate_constraints()  # another active flow was saved at this very moment: it is there by now
        raise
    return flow


def _save(flow: Flow, rules: list[Any] | None, actor: Actor, changed: Collection[str] | None) -> None:
    made = flow._state.adding
    if not made:
        _hold(flow, changed)
    rules = checked(flow, rules, actor)
    flow.full_clean()
    flow._history_user = actor.user  # type: ignore[attr-defined]
    flow.save()
    if rules is not None:
        _replace_rules(flow, rules, actor)
    AuditEvent.note(actor, "flow.create" if made else "flow.update", flow, rules=len(rules or []))


def _hold(flow: Flow, changed: Collection[str] | None) -> None:
    """Lock the flow, whose reader may have read it before somebody else wrote it, and take what stays from its row."""
    present = Flow.objects.select_for_update(no_key=True).get(pk=flow.pk)
    for name in () if changed is None else _COLUMNS - set(changed):
        setattr(flow, name, getattr(present, name))


def checked(flow: Flow, rules: list[Any] | None, actor: Actor) -> list[Any] | None:
    """Return the rules as they would be saved; raise what ``save_flow`` raises for them."""
    if rules is not None:
        rules = _with_kept_secrets(flow, rules)
        check_rules(rules)
    _check_rights(flow, rules, actor)
    return rules


def _with_kept_secrets(flow: Flow, rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules with the secrets that their writer was not shown: kept, or to be entered anew.

    Of an action that is otherwise as it was: with another host or number the writer would have the secret sent there.
    """
    old = [] if flow._state.adding else [rule.do for rule in _rules_of(flow)]
    entries = [(one, (at, place)) for at, do in enumerate(old) for place, one in enumerate(do)]
    known = [_Known(without_secrets(one), one, at) for one, at in entries]
    secret = [one for one in known if one.shown != one.whole]
    return [
        rule | {"do": [_with_kept(one, (at, place), secret) for place, one in enumerate(rule.get("do", []))]}
        for at, rule in enumerate(rules)
    ]


class _Known(NamedTuple):
    """Holds an action of the flow as it was: as it is shown, with its secrets, and where it stood."""

    shown: Any
    whole: Any
    at: tuple[int, int]


def _with_kept(entry: Any, at: tuple[int, int], known: list[_Known]) -> Any:
    """Return the action with the secrets of the same one at this place, or of the only such one wherever it stood."""
    if not hides_something(entry):
        return entry
    shown = without_secrets(entry)
    alike = [one for one in known if one.shown == shown]
    here = [one for one in alike if one.at == at] or alike
    is_plain = here and all(one.whole == here[0].whole for one in here)  # of several, nobody knows which one is meant
    return with_kept_secrets(entry, here[0].whole) if is_plain else entry


def _rules_of(flow: Flow) -> QuerySet[Rule]:
    """Return its rules as they are: those at hand with ``flow.rules`` may have been read before it was locked."""
    return Rule.objects.filter(flow=flow.pk)


def delete_flow(flow: Flow, actor: Actor) -> None:
    """Delete the flow with its rules. Calls and commands it drove stay."""
    with transaction.atomic():
        if not Flow.objects.select_for_update(no_key=True).filter(pk=flow.pk).first():
            return  # somebody else deleted it meanwhile, and that was noted
        AuditEvent.note(actor, "flow.delete", flow)
        flow._history_user = actor.user  # type: ignore[attr-defined]
        flow.delete()


def _check_rights(flow: Flow, rules: list[dict[str, Any]] | None, actor: Actor) -> None:
    """Raise ``PortalRefusal`` unless the actor may do by hand what these rules (None: the flow's own) do.

    A rule acts on behalf of whoever wrote it. Who changes one rule, where the flow acts, or switches it on, answers
    for all of them: what one lets pass, the next may act on. To rename it or to switch it off takes no more.
    """
    before = Flow.objects.filter(pk=flow.pk).first()
    written = [_values(rule) for rule in _rules_of(before)] if before else []
    wanted = written if rules is None else [_RULE_DEFAULTS | _known(rule) for rule in rules]
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
    kept = list(_rules_of(flow))
    save: Any = flow.history.order_by("-history_id").values_list("history_id", flat=True).first()  # type: ignore[attr-defined]
    told = {"_history_user": actor.user, "_change_reason": f"{OF_SAVE}{save}"}
    for at, values in enumerate(rules):
        rule = kept[at] if at < len(kept) else Rule(flow=flow)
        wanted = {name: values.get(name, default) for name, default in _RULE_DEFAULTS.items()} | {"position": at}
        if rule.pk is None or any(getattr(rule, name) != value for name, value in wanted.items()):
            for name, value in (wanted | told).items():
                setattr(rule, name, value)
            rule.save()
    for rule in kept[len(rules) :]:
        for name, value in told.items():
            setattr(rule, name, value)
        rule.delete()
