"""Runs one plan at a time for each account and kind, and keeps who ran it and what came of it.

A run is begun for every kind of the plan; whoever comes second is told who has it. It ends with its last step, with
the first that is stopped, or a minute after it was last heard of.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F

from applications.exchange import freshness
from applications.exchange.apply import Outcome, carry_out
from applications.exchange.plans import OnRead, Plan
from applications.kinds import Kind
from applications.models import ApplyRun
from applications.pulls import one_at_a_time
from portal import sql
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount

_KEPT = timedelta(days=30)
_SAVED_EVERY = 50  # results: each time all of them are written


class NotBegun(Exception):
    """Nothing was done: ``sentences`` say why."""

    def __init__(self, *sentences: str) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Busy(NotBegun):
    """Somebody carries out another plan there."""

    def __init__(self, run: ApplyRun) -> None:
        about = f"{run.requested_by} ({run.source})" if run.source else run.requested_by
        super().__init__(
            f"{about} has been applying {run.kind} of {run.account} since {run.started_at:%Y-%m-%d %H:%M:%S} UTC: "
            f"{run.progress} of {run.total} done. Nothing was done; try again when it is over."
        )
        self.run = run


class Outdated(NotBegun):
    """Telnyx changed since the plan was made."""


class MassDelete(NotBegun):
    """So much would be deleted that a person has to say that it is meant."""


class Lost(Exception):
    """The run is not ours any more: another took it for dead, or this part of it was carried out already."""


def begin(
    plan: Plan, actor: Actor, source: str, *, accept_deletes: bool = False, on_read: OnRead | None = None
) -> list[ApplyRun]:
    """Return the running record of each kind of the plan, all in order with Telnyx. Raises ``NotBegun``.

    Raises a ``TelnyxError``, too. Telnyx is read once more, while nobody else can apply.
    """
    if plan.mass_deletes and not accept_deletes:
        raise MassDelete(*plan.mass_deletes, "If that is meant, say so with --accept-deletes (accept_deletes).")
    runs: list[ApplyRun] = []
    try:
        for kind in plan.kinds:
            runs.append(_begun(kind, plan, actor, source))
        if changed := freshness.outdated(plan, actor, on_read, partial(alive, runs)):
            raise Outdated(*changed)
    except BaseException as error:
        ApplyRun.objects.filter(pk__in=[run.pk for run in runs]).delete()  # nothing was done
        if isinstance(error, Lost):
            raise NotBegun("Another run took its place while Telnyx was read. Nothing was done.") from error
        raise
    return runs


def carried_out(runs: Sequence[ApplyRun], plan: Plan, actor: Actor) -> Iterator[Outcome]:
    """Carry out the whole plan, yield each outcome, and end the runs whatever happens."""
    by_kind = {run.kind: run for run in runs}
    state = ApplyRun.State.FAILED
    try:
        for outcome in carry_out(plan.account, plan.steps, actor, plan.made_at, lambda: alive(runs)):
            note(by_kind[outcome.step.kind.slug], outcome)
            alive(runs)  # those of the other kind may have no step for a while
            yield outcome
        stopped = any(result["state"] == "stopped" for run in runs for result in run.results)
        state = ApplyRun.State.STOPPED if stopped else ApplyRun.State.DONE
    finally:
        for run in runs:
            end(run, state, actor)


def resumed(run_id: Any, account: TelnyxAccount, kind: Kind, tried: int) -> ApplyRun:
    """Return the run of an import for its next part, which nobody else carries out meanwhile. Raises ``Lost``."""
    mine = ApplyRun.objects.filter(pk=run_id, account=account, kind=kind.slug, state=ApplyRun.State.RUNNING)
    if not mine.filter(is_at_work=False, progress=tried).update(is_at_work=True, seen_alive_at=sql.Now()):
        raise Lost
    return mine.get()


def paused(run: ApplyRun) -> None:
    """Keep the run for the next part of the import."""
    _save(run, is_at_work=False, results=run.results)


def alive(runs: Sequence[ApplyRun]) -> None:
    """Note that these runs are alive. Raises ``Lost``."""
    for run in runs:
        _save(run)


def note(run: ApplyRun, outcome: Outcome) -> None:
    """Note an outcome."""
    run.results.append(outcome.as_json())
    kept = {"results": run.results} if len(run.results) % _SAVED_EVERY == 0 else {}
    _save(run, progress=F("progress") + 1, failed=F("failed") + int(outcome.state != "done"), **kept)


def end(run: ApplyRun, state: ApplyRun.State, actor: Actor) -> None:
    with suppress(Lost), transaction.atomic():
        _save(run, state=state, finished_at=sql.Now(), results=run.results)
        run.refresh_from_db()
        counts = {"tried": run.progress, "failed": run.failed, "total": run.total}
        details = {"account": run.account.name, "kind": run.kind, "source": run.source, "state": str(state)}
        AuditEvent.note(actor, "application.apply", run, **details, **counts)


def _begun(kind: Kind, plan: Plan, actor: Actor, source: str) -> ApplyRun:
    ApplyRun.objects.filter(finished_at__lt=sql.Now() - _KEPT).delete()
    total = sum(step.kind is kind for step in plan.steps)
    run, is_new = one_at_a_time.begin(ApplyRun, kind, plan.account, actor, {}, source=source[:200], total=total)
    if not is_new:
        raise Busy(run)
    return run


def _save(run: ApplyRun, **values: Any) -> None:
    mine = ApplyRun.objects.filter(pk=run.pk, state=ApplyRun.State.RUNNING)
    if not mine.update(**{"seen_alive_at": sql.Now(), **values}):
        raise Lost
