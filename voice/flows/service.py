"""Saves and deletes flows: the only writer of them, for admin and REST."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from itertools import zip_longest
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from portal.actors import Actor
from portal.encryption import CannotOpen
from portal.masking import hides_something, without_secrets
from portal.models import AuditEvent
from portal.sealed_json import unsealed, with_kept_secrets
from voice.catalogue.actions import HIDDEN
from voice.dialling import limits, rights
from voice.flows.rules import MAX_RULES, problems
from voice.models import Flow, Rule

OF_SAVE = "save "  # how the history of a rule tells which save of its flow it belongs to: no clock of two hosts does
_NO_EVENT = "This field is required."
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
    limits.of_account(flow.account)  # its row comes before the flow's (docs/locks.md), and the rights ask for it
    if not made:
        _hold(flow, changed)
    rules = checked(flow, rules, actor)
    flow.full_clean()
    flow._history_user = actor.user  # type: ignore[attr-defined]
    flow.save()
    if rules is not None:
        _replace_rules(flow, rules, actor)
    told = {"rules": len(rules)} if rules is not None else {}  # of rules that stay as they are 0 would be untrue
    AuditEvent.note(actor, "flow.create" if made else "flow.update", flow, **told)


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

    A rule that is as it was shown has its own, of two such ones where both stayed. In a changed rule an action has
    those of the only one that looks as it does: with another host or number its writer would have them sent there.
    """
    old = [] if flow._state.adding else [_values(rule) for rule in _rules_of(flow)]
    shown, given = [_shown(rule) for rule in old], [_RULE_DEFAULTS | _known(rule) for rule in rules]
    of_all, kept = _by_look(entry for rule in old for entry in rule["do"]), list[dict[str, Any]]()
    for at, (rule, one) in enumerate(zip(rules, given, strict=True)):
        alike = _places(one, shown)
        if alike == _places(one, given):
            alike = [at]
        own = [_by_look([*actions]) for actions in zip(*(old[place]["do"] for place in alike), strict=True)]
        pairs = zip_longest(one["do"], own, fillvalue=of_all)
        kept.append(rule | {"do": [_with_secrets(entry, known) for entry, known in pairs]})
    return kept


def _shown(rule: dict[str, Any]) -> dict[str, Any]:
    return rule | {"do": without_secrets(rule["do"])}


def _places(rule: dict[str, Any], rules: list[dict[str, Any]]) -> list[int]:
    return [at for at, one in enumerate(rules) if one == rule]


def with_secrets_of_rule(entries: Any, old: Any) -> Any:
    """Return the actions of a rule with the secrets of its ``old`` ones, where as many of them look alike as did.

    Of more, one may be another rule's: then nothing is known of them here.
    """
    if not isinstance(entries, list) or not isinstance(old, list):
        return entries
    before, now, known = Counter(map(_look, old)), Counter(map(_look, entries)), _by_look(old)
    return [_with_secrets(one, known) if now[_look(one)] == before[_look(one)] else one for one in entries]


def _with_secrets(entry: Any, known: dict[str, Any]) -> Any:
    """Return an action with the secrets of the ``known`` one that looks alike, if they were hidden."""
    return with_kept_secrets(entry, known.get(_look(entry))) if hides_something(entry) else entry


def _by_look(actions: Iterable[Any]) -> dict[str, Any]:
    """Return the actions by how they look; of those that look alike one if they have the same secrets, else none."""
    found = defaultdict[str, list[Any]](list)
    for one in actions:
        found[_look(one)].append(one)
    return {
        look: alike[0] for look, alike in found.items() if all(_opened(one) == _opened(alike[0]) for one in alike[1:])
    }


def _look(action: Any) -> str:
    return json.dumps(without_secrets(action), sort_keys=True, default=str)


def _opened(entry: Any) -> Any:
    """Return an action as Telnyx is sent it: one secret that was entered twice was sealed in two ways."""
    try:
        return unsealed(entry)
    except CannotOpen:
        return entry


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
    # over REST a PATCH lets a member be left out, within the rules as well, and these are whole all the same
    found |= {f"rules.{at}.event_type": [_NO_EVENT] for at, rule in enumerate(rules) if not rule.get("event_type")}
    # a step is words, and who wrote a number into them has it shown masked over REST as within a condition
    hidden = [(at, name) for at, rule in enumerate(rules) for name in _RULE_DEFAULTS if hides_something(rule.get(name))]
    found |= {f"rules.{at}.{name}": [HIDDEN] for at, name in hidden}
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
