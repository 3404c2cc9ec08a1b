"""Reads what a flow was at each save, its rules among it, and puts it back as it was."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal.actors import Actor
from portal.json_types import JsonObject
from voice.flows.service import save_flow
from voice.models import Flow, Rule

_OF_A_RULE = ("event_type", "direction", "when", "do", "step", "stop")
_OF_A_FLOW = ("name", "connection_id", "active")


class ChangedMeanwhile(Exception):
    """The flow was saved after the version that its reader took for the present one."""

    def __init__(self) -> None:
        super().__init__("The flow was changed meanwhile, and nothing was restored. Look at what it is now.")


def versions_of(flow: Flow) -> QuerySet[Any]:
    """Return every save of ``flow``, newest first."""
    saves: QuerySet[Any] = flow.history.order_by("-history_id")  # type: ignore[attr-defined]
    return saves


def states(saves: Sequence[Any]) -> list[JsonObject]:
    """Return what the flow was after each of these ``saves``, which are of one flow and in any order.

    A save writes the flow first and then the rules that it changed, so what is a rule's until the next save belongs to
    it.
    """
    if not saves:
        return []
    written = Rule.history.filter(flow_id=saves[0].id).order_by("history_date", "history_id")  # type: ignore[attr-defined]
    rows, rules, found = list(written), dict[int, Any](), dict[int, JsonObject]()
    following = list(type(saves[0]).objects.filter(id=saves[0].id).order_by("history_id"))
    at = 0
    for save, after in zip_longest(following, following[1:]):
        while at < len(rows) and (after is None or rows[at].history_date < after.history_date):
            rules[rows[at].id] = rows[at]
            at += 1
        present = sorted((row for row in rules.values() if row.history_type != "-"), key=lambda row: row.position)
        found[save.history_id] = {
            **{name: getattr(save, name) for name in _OF_A_FLOW},
            "rules": [{name: getattr(row, name) for name in _OF_A_RULE} for row in present],
        }
    return [found[save.history_id] for save in saves]


def differences(old: JsonObject, new: JsonObject) -> list[tuple[str, Any, Any]]:
    """Return what is another in ``new``: its name (``rules.1.do``, counted in ``new``), the value in either."""
    found = [(name, old[name], new[name]) for name in _OF_A_FLOW if old[name] != new[name]]
    before, after = old["rules"], new["rules"]
    matcher = SequenceMatcher(None, [repr(rule) for rule in before], [repr(rule) for rule in after], autojunk=False)
    for kind, first, end, here, last in matcher.get_opcodes():
        if kind == "equal":
            continue
        for at, (was, rule) in enumerate(zip_longest(before[first:end], after[here:last])):
            pairs = ((name, (was or {}).get(name), (rule or {}).get(name)) for name in _OF_A_RULE)
            place = f"rules.{(here if rule else first) + at}"
            found += [(f"{place}.{name}", one, other) for name, one, other in pairs if one != other]
    return found


def restore(flow: Flow, save: Any, seen: int, actor: Actor) -> Flow:
    """Save ``flow`` as it was after ``save``, as an edit of the actor's; ``seen`` is the newest save they know of.

    ``ChangedMeanwhile`` if there is a newer one, and whatever ``save_flow`` raises.
    """
    (state,) = states([save])
    with transaction.atomic():
        present = Flow.objects.select_for_update(no_key=True).get(pk=flow.pk)
        if versions_of(present).values_list("history_id", flat=True).first() != seen:
            raise ChangedMeanwhile
        for name in _OF_A_FLOW:
            setattr(present, name, state[name])
        present.account_id = save.account_id
        present._change_reason = f"restored as of {save.history_date:%Y-%m-%d %H:%M:%S} UTC"  # type: ignore[attr-defined]
        return save_flow(present, state["rules"], actor)
