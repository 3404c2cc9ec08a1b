"""Keeps at each call what is said of its end, so that lists are filtered by it: judged a moment after something new.

Whoever changes a call that is over leaves ``judge_at`` behind. A session is judged as a whole, since the end of one leg
explains that of another. What comes in meanwhile sets another ``judge_at``, which this write then does not take away.
"""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet

from portal import sql
from voice.explanations import rows
from voice.explanations.judgement.facts import Facts
from voice.explanations.judgement.verdicts import Verdict
from voice.metrics import kinds, quarters
from voice.models import Call

_TOGETHER = 100
_SOON, _LATEST, _UNTIL = timedelta(seconds=5), timedelta(hours=1), timedelta(days=7)
_OPEN = frozenset({"queued", "sending", "uncertain"})

_log = structlog.get_logger(__name__)


def is_due() -> bool:
    """Tell whether the end of any call is to be judged now."""
    return _due().exists()


def judge_due() -> int:
    """Judge some of the calls that are due, with their sessions; return how many were."""
    calls = list(_due().defer("facts").order_by("judge_at")[:_TOGETHER])
    _judge_each(calls)
    return len(calls)


def judge_session(call: Call) -> set[uuid.UUID]:
    """Judge all legs of the call's session and keep the verdicts; return the legs."""
    legs = rows.session_of(call)  # read before the facts are: what is told later sets another ``judge_at``
    facts = rows.facts_of(legs)
    again = _look_again(facts, legs)
    verdicts = rows.verdicts_of(legs, facts)
    counted = kinds.of_legs(legs, {command.leg for command in facts.commands if command.is_dial})
    told = {leg: _told(leg, verdicts[leg.pk], counted[leg]) for leg in legs if leg.pk in verdicts}
    changed = {leg: values for leg, values in told.items() if leg.judge_at or _differs(leg, values)}
    parents = {leg.parent_control_id for leg in changed} - {""}  # an answer of whom it dialled put one through
    concerned = [leg for leg in told if leg in changed or leg.call_control_id in parents]
    with transaction.atomic():
        quarters.mark(one for leg in concerned for one in (leg.counted_in, told[leg]["counted_in"]))
        for leg, values in changed.items():
            _keep(leg, values, again)
    return {leg.pk for leg in legs}


def judge_old() -> Iterator[int]:
    """Judge the calls that were over before endings were kept, or counted, newest first; yield how many.

    A piece at a time. It can be stopped and begun again: what is judged is passed over.
    """
    before = Q()
    while True:
        waiting = Call.objects.filter(before, Q(ending_category="") | Q(counted_as=""), state__in=Call.OVER)
        calls = list(waiting.defer("facts").order_by("-started_at", "-id")[:_TOGETHER])
        if not calls:
            return
        _judge_each(calls)
        yield len(calls)
        last = calls[-1]
        before = Q(started_at__lt=last.started_at) | Q(started_at=last.started_at, id__lt=last.pk)


def _judge_each(calls: list[Call]) -> None:
    """Judge each once, whatever becomes of another: a defect puts one off, and no more."""
    done: set[uuid.UUID] = set()
    for call in calls:
        if call.pk in done:
            continue
        try:
            done |= judge_session(call)
        except Exception as error:
            if sql.is_outage(error):  # it is so for all of them
                raise
            _log.exception("ending not judged", call=str(call.pk))
            Call.objects.filter(pk=call.pk, judge_at=call.judge_at).exclude(judge_at=None).update(
                judge_at=sql.Now() + _LATEST
            )


def _due() -> QuerySet[Call]:
    return Call.objects.filter(judge_at__lte=sql.Now())


def _told(leg: Call, verdict: Verdict, counted_as: str) -> dict[str, Any]:
    """Return what is to stand at a leg; nothing at one that was taken for lost, and lives."""
    if leg.is_alive:
        return {"ending": "", "ending_category": "", "ended_by": "", "counted_as": "", "counted_in": None}
    ending = {"ending": verdict.code, "ending_category": verdict.category, "ended_by": verdict.who}
    return {**ending, "counted_as": counted_as, "counted_in": quarters.of_time(leg.started_at)}


def _differs(leg: Call, told: dict[str, Any]) -> bool:
    return any(getattr(leg, name) != value for name, value in told.items())


def _keep(leg: Call, told: dict[str, Any], again: datetime | None) -> None:
    again = again if leg.judge_at and not leg.is_alive else None
    Call.objects.filter(pk=leg.pk, judge_at=leg.judge_at).update(**told, judge_at=again)


def _look_again(facts: Facts, legs: list[Call]) -> datetime | None:
    """Return when to judge again, while the outcome of a command may still change what is said; each time later."""
    ends = [leg.ended_at for leg in legs if leg.ended_at]
    if not ends or not any(command.status in _OPEN for command in facts.commands):
        return None
    now = sql.clock()
    since = now - max(ends)
    return now + min(max(since, _SOON), _LATEST) if since < _UNTIL else None
