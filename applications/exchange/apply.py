"""Carries out the steps of a plan one after the other through ``applications.editing.service``."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal

from applications.editing.service import Conflict, create_application, delete_application, update_application
from applications.exchange.plans import Step, same
from applications.kinds import flatten, unflatten
from applications.models import TelnyxApplication
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError, TelnyxRefused
from portal.telnyx.patience import NotYet, nobody, patiently
from portal.telnyx.schemas import InvalidParameters


@dataclass(frozen=True)
class Outcome:
    """Says how a step ended: ``done``; ``failed``: this one, others go on; ``stopped``: nothing after it was tried.

    ``message`` says why; ``telnyx_id`` is the application's, also of a new one.
    """

    step: Step
    state: Literal["done", "failed", "stopped"]
    message: str = ""
    telnyx_id: str = ""

    def as_json(self) -> JsonObject:
        step = self.step
        which = {"kind": step.kind.slug, "action": step.action, "name": step.name, "id": self.telnyx_id or None}
        return {**which, "line": step.line, "state": self.state, "message": self.message}


def carry_out(
    account: TelnyxAccount,
    steps: Sequence[Step],
    actor: Actor,
    planned_at: datetime,
    alive: Callable[[], None] = nobody,
    before: Collection[str] = (),
) -> Iterator[Outcome]:
    """Carry out each step and yield what came of it, waiting when Telnyx asks for it.

    Ends at the first that Telnyx has another state for, or cannot be asked about. ``alive`` is called before each.
    ``before`` are the ids that an earlier part of the plan was about. Raises ``NotYet`` where nobody waits: that step
    and those after it had no turn.
    """
    made = {*before, *(step.telnyx_id for step in steps)}  # what the plan itself is about is nobody else's
    for step in steps:
        alive()
        outcome = _outcome(account, step, actor, planned_at, made, alive)
        yield outcome
        if outcome.state == "stopped":
            return
        made.add(outcome.telnyx_id)


def _outcome(
    account: TelnyxAccount,
    step: Step,
    actor: Actor,
    planned_at: datetime,
    made: Collection[str],
    alive: Callable[[], None],
) -> Outcome:
    try:
        return patiently(partial(_do, account, step, actor, planned_at, made), alive)
    except NotYet:
        raise
    except InvalidParameters as invalid:
        return Outcome(step, "failed", str(invalid), step.telnyx_id)
    except Conflict as conflict:
        return Outcome(step, "stopped", str(conflict), step.telnyx_id)
    except TelnyxError as error:
        one_alone = isinstance(error, TelnyxRefused) and error.http_status != 401
        return Outcome(step, "failed" if one_alone else "stopped", _words(error), step.telnyx_id)


def _do(account: TelnyxAccount, step: Step, actor: Actor, planned_at: datetime, made: Collection[str]) -> Outcome:
    if step.action == "create":
        if twin := _made_since(account, step, planned_at, made):
            raise Conflict(twin, {})
        row, notice = create_application(step.kind, account, unflatten(step.values), actor, open_choices=True)
        state: Literal["done", "failed"] = "failed" if notice and not _has(row, step) else "done"
        return Outcome(step, state, notice, row.telnyx_id)
    row = step.kind.rows(account).get(telnyx_id=step.telnyx_id)  # kept, at the latest, when the run was begun
    if step.action == "delete":
        delete_application(row, actor, expected=[step.base])
    else:
        update_application(row, unflatten(step.values), actor, expected=[step.base], open_choices=True)
    return Outcome(step, "done", telnyx_id=step.telnyx_id)


def _has(row: TelnyxApplication, step: Step) -> bool:
    """Return whether the row has all of the step.

    What is told of a create may be that its tags were refused, or only how it was found.
    """
    there = flatten(row.remote)
    return all(same(value, there.get(name)) for name, value in step.values.items())


def _made_since(
    account: TelnyxAccount, step: Step, planned_at: datetime, made: Collection[str]
) -> TelnyxApplication | None:
    """Return one of this name that was stored since, and is none that was ``made`` or changed here: others were
    quicker.
    """
    named = {step.kind.model.name_field: step.name}
    since = step.kind.rows(account).filter(**named, missing_since=None, pulled_at__gte=planned_at)
    return since.exclude(telnyx_id__in=made).first()


def _words(error: TelnyxError) -> str:
    fields = error.fields if isinstance(error, TelnyxRefused) else {}
    return "; ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items()) or str(error)
