"""Judges whether Telnyx still has what a plan was made from."""

from collections.abc import Callable
from functools import partial

from applications.editing.service import snapshot
from applications.exchange.plans import OnRead, Plan, Step, name_of
from applications.kinds import Kind
from applications.mirror.answers import agree, digest
from applications.pulls import listing
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.patience import nobody


def outdated(plan: Plan, on_read: OnRead | None = None, alive: Callable[[], None] = nobody) -> list[str]:
    """Return what changed at Telnyx since the plan was made, in sentences: nothing may be done then.

    ``alive`` is called while Telnyx is read. Raises as ``make``.
    """
    sentences: list[str] = []
    for kind in plan.kinds:
        try:
            sentences += _outdated(plan, kind, partial(on_read, kind) if on_read else None, alive)
        except listing.TooManyUnknown as error:
            sentences.append(str(error))
    return sentences


def _outdated(plan: Plan, kind: Kind, on_read: listing.OnRead | None, alive: Callable[[], None]) -> list[str]:
    sentences: list[str] = []
    bases = {step.telnyx_id: step for step in plan.steps if step.kind is kind and step.telnyx_id}
    allowed = {step.name: step.namesakes for step in plan.steps if step.kind is kind and step.action == "create"}
    for page in listing.whole(kind, plan.account, bases.keys(), on_read, alive):
        for id, remote in page.remotes.items():
            step = bases.pop(id, None)
            if step and not _is_as_planned(step, plan.account, remote):
                sentences.append(f"{step.name} ({id}) was changed at Telnyx.")
            name = name_of(kind, remote)
            if name in allowed:
                allowed[name] -= 1
                sentences += [f"{name} ({id}) was created at Telnyx."] if allowed[name] < 0 else []
    return sentences + [f"{step.name} ({id}) was deleted at Telnyx." for id, step in bases.items()]


def _is_as_planned(step: Step, account: TelnyxAccount, remote: JsonObject) -> bool:
    """Return whether Telnyx lists what the step was made from, by what that state and the list both tell."""
    if step.base == digest(remote):
        return True
    row = step.kind.rows(account).filter(telnyx_id=step.telnyx_id).first()
    base = snapshot(row, step.base) if row else None
    return base is not None and agree(base, remote)
