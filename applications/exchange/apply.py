"""Carries out the steps of a plan one after the other through ``applications.editing.service``."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from applications.editing.service import Conflict, create_application, delete_application, update_application
from applications.exchange.plans import Step, same
from applications.kinds import Kind, flatten, unflatten
from applications.mirror.store import data_of, store
from applications.models import TelnyxApplication
from portal.actors import Actor
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable
from portal.telnyx.schemas import InvalidParameters

_MOST_WAITS = 5


@dataclass(frozen=True)
class Outcome:
    """Says how a step ended: ``done``; ``failed``: this one, others go on; ``stopped``: nothing after it was tried.

    ``message`` says why.
    """

    step: Step
    state: Literal["done", "failed", "stopped"]
    message: str = ""


def carry_out(account: TelnyxAccount, steps: Sequence[Step], actor: Actor, planned_at: datetime) -> Iterator[Outcome]:
    """Carry out each step and yield what came of it.

    Ends at the first that Telnyx has another state for, or cannot be asked about.
    """
    for step in steps:
        outcome = _outcome(account, step, actor, planned_at)
        yield outcome
        if outcome.state == "stopped":
            return


def _outcome(account: TelnyxAccount, step: Step, actor: Actor, planned_at: datetime) -> Outcome:
    try:
        return _patiently(account, step, actor, planned_at)
    except InvalidParameters as invalid:
        return Outcome(step, "failed", str(invalid))
    except Conflict as conflict:
        return Outcome(step, "stopped", str(conflict))
    except TelnyxError as error:
        one_alone = isinstance(error, TelnyxRefused) and error.http_status != 401
        return Outcome(step, "failed" if one_alone else "stopped", _words(error))


def _patiently(account: TelnyxAccount, step: Step, actor: Actor, planned_at: datetime) -> Outcome:
    """Wait as long as Telnyx's 429 says, and try again: it is no answer to this step, and nothing happened."""
    for _ in range(_MOST_WAITS):
        try:
            return _do(account, step, actor, planned_at)
        except TelnyxUnavailable as error:
            if error.http_status != 429:
                raise
            time.sleep(error.retry_after)
    return _do(account, step, actor, planned_at)


def _do(account: TelnyxAccount, step: Step, actor: Actor, planned_at: datetime) -> Outcome:
    if step.action == "create":
        if twin := _made_since(account, step, planned_at):
            raise Conflict(twin, {})
        row, notice = create_application(step.kind, account, unflatten(step.values), actor)
        return Outcome(step, "failed" if notice and not _has(row, step) else "done", notice)
    row = _row(account, step.kind, step.telnyx_id, actor)
    if step.action == "delete":
        delete_application(row, actor, expected=[step.base])
    else:
        update_application(row, unflatten(step.values), actor, expected=[step.base])
    return Outcome(step, "done")


def _has(row: TelnyxApplication, step: Step) -> bool:
    """Return whether the row has all of the step.

    What is told of a create may be that its tags were refused, or only how it was found.
    """
    there = flatten(row.remote)
    return all(same(value, there.get(name)) for name, value in step.values.items())


def _made_since(account: TelnyxAccount, step: Step, planned_at: datetime) -> TelnyxApplication | None:
    """Return one of this name that was stored since: the plan is carried out again, or somebody was quicker."""
    named = {step.kind.model.name_field: step.name}
    return step.kind.rows(account).filter(**named, missing_since=None, pulled_at__gte=planned_at).first()


def _row(account: TelnyxAccount, kind: Kind, telnyx_id: str, actor: Actor) -> TelnyxApplication:
    row = kind.rows(account).filter(telnyx_id=telnyx_id).first()
    if row is None:  # never pulled yet
        remote = data_of(ask(account, kind.method("retrieve"), telnyx_id))
        row, _ = store(kind, account, remote, actor, f"read ({actor.label})")
    return row


def _words(error: TelnyxError) -> str:
    fields = error.fields if isinstance(error, TelnyxRefused) else {}
    return "; ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items()) or str(error)
