"""Reads what a flow was at each save and which one was in force when, and puts one back as it was."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from difflib import SequenceMatcher
from itertools import accumulate, zip_longest
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from voice.dialling import limits
from voice.flows.service import OF_SAVE, save_flow
from voice.models import Flow, Rule

_OF_A_RULE = ("event_type", "direction", "when", "do", "step", "stop")
_OF_A_FLOW = ("name", "connection_id", "active")
_NO_ACCOUNT = (
    "The Telnyx account that the flow was of at that time is deleted, and nothing was restored. "
    "Restore a later version, or edit the flow."
)


class ChangedMeanwhile(Exception):
    """The flow was saved after the version that its reader took for the present one. ``done`` is what was not."""

    def __init__(self, done: str) -> None:
        super().__init__(f"The flow was changed meanwhile, and nothing was {done}. Look at what it is now.")


def versions_of(flow: Flow) -> QuerySet[Any]:
    """Return every save of ``flow``, newest first."""
    saves: QuerySet[Any] = flow.history.order_by("-history_id")  # type: ignore[attr-defined]
    return saves


def in_force(account_id: Any, connection_id: str, at: datetime) -> Flow | None:
    """Return the flow of an application that was active at a time, as it was then; it may be gone by now."""
    flows = Flow.history.as_of(at)  # type: ignore[attr-defined]
    found: Flow | None = flows.filter(account=account_id, connection_id=connection_id, active=True).first()
    return found


def states(saves: Sequence[Any]) -> list[JsonObject]:
    """Return what the flow was after each of these ``saves``, which are of one flow and in any order.

    A rule tells which save wrote it. What was written before rules did belongs to the last save before it.
    """
    if not saves:
        return []
    following = list(type(saves[0]).objects.filter(id=saves[0].id).order_by("history_id"))
    written = defaultdict[int, list[Any]](list)
    latest = list(accumulate((save.history_date for save in following), max))
    for row in Rule.history.filter(flow_id=saves[0].id).order_by("history_id"):  # type: ignore[attr-defined]
        written[_save_of(row) or following[max(bisect_right(latest, row.history_date) - 1, 0)].history_id].append(row)
    rules, found = dict[int, Any](), dict[int, JsonObject]()
    for save in following:
        rules |= {row.id: row for row in written[save.history_id]}
        present = sorted((row for row in rules.values() if row.history_type != "-"), key=lambda row: row.position)
        found[save.history_id] = {
            **{name: getattr(save, name) for name in _OF_A_FLOW},
            "rules": [{name: getattr(row, name) for name in _OF_A_RULE} for row in present],
        }
    return [found[save.history_id] for save in saves]


def _save_of(row: Any) -> int | None:
    """Return the save of the flow that wrote a rule, None of an older one, which tells the time alone."""
    prefix, _, told = (row.history_change_reason or "").partition(OF_SAVE)
    return int(told) if not prefix and told.isdecimal() else None


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


def newest_of(flow: Flow) -> str:
    """Return the id of the newest save of ``flow``, as a page keeps it."""
    return str(versions_of(flow).values_list("history_id", flat=True).first())


def held(flow: Flow, seen: str, done: str) -> Flow:
    """Return ``flow`` as it is, locked until the transaction ends; ``seen`` is the newest save its editor knows of.

    ``ChangedMeanwhile`` if there is a newer one, or no flow any more.
    """
    present = Flow.objects.select_for_update(no_key=True).filter(pk=flow.pk).first()
    if present is None or newest_of(present) != seen:
        raise ChangedMeanwhile(done)
    return present


def restore(flow: Flow, save: Any, seen: str, actor: Actor) -> Flow:
    """Save ``flow`` as it was after ``save``, as an edit of the actor's; ``seen`` is the newest save they know of.

    ``ChangedMeanwhile`` if there is a newer one, and whatever ``save_flow`` raises.
    """
    (state,) = states([save])
    account = TelnyxAccount.objects.filter(pk=save.account_id).first()
    if account is None:  # a flow that was moved since holds it no more
        raise ValidationError({"account": [_NO_ACCOUNT]})
    with transaction.atomic():
        limits.of_account(account)  # as in ``save_flow``, which has it too late where the flow is locked here
        present = held(flow, seen, "restored")
        for name in _OF_A_FLOW:
            setattr(present, name, state[name])
        present.account = account
        present._change_reason = f"restored as of {save.history_date:%Y-%m-%d %H:%M:%S} UTC"  # type: ignore[attr-defined]
        return save_flow(present, state["rules"], actor)
