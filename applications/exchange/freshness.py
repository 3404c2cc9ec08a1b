"""Judges whether Telnyx still has what a plan was made from, and keeps what it has: each step is held to that."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from applications.editing.service import snapshot
from applications.exchange.plans import OnRead, Plan, Step, base_of, name_of
from applications.kinds import Kind
from applications.mirror import store
from applications.mirror.answers import agree, digest
from applications.pulls import listing
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.patience import nobody


def outdated(plan: Plan, actor: Actor, on_read: OnRead | None = None, alive: Callable[[], None] = nobody) -> list[str]:
    """Return what changed at Telnyx since the plan was made, in sentences: nothing may be done then.

    What is as planned is kept here. ``alive`` is called while Telnyx is read. Raises as ``make``.
    """
    sentences: list[str] = []
    for kind in plan.kinds:
        try:
            sentences += _outdated(plan, kind, actor, partial(on_read, kind) if on_read else None, alive)
        except listing.TooManyUnknown as error:
            sentences.append(str(error))
    return sentences


def _outdated(
    plan: Plan, kind: Kind, actor: Actor, on_read: listing.OnRead | None, alive: Callable[[], None]
) -> list[str]:
    sentences: list[str] = []
    bases = {step.telnyx_id: step for step in plan.steps if step.kind is kind and step.telnyx_id}
    allowed = {step.name: step.namesakes for step in plan.steps if step.kind is kind and step.action == "create"}
    for page in listing.whole(kind, plan.account, bases.keys(), on_read, alive):
        as_planned: dict[str, JsonObject] = {}
        for id, remote in page.remotes.items():
            step = bases.pop(id, None)
            if step and _is_as_planned(step, plan.account, remote):
                as_planned[id] = remote
            elif step:
                sentences.append(f"{step.name} ({id}) was changed at Telnyx.")
            name = name_of(kind, remote)
            if name in allowed:
                allowed[name] -= 1
                sentences += [f"{name} ({id}) was created at Telnyx."] if allowed[name] < 0 else []
        _keep(kind, plan.account, replace(page, remotes=as_planned), actor)
    return sentences + [f"{step.name} ({id}) was deleted at Telnyx." for id, step in bases.items()]


def _is_as_planned(step: Step, account: TelnyxAccount, remote: JsonObject) -> bool:
    """Return whether Telnyx lists what the step was made from, by what that state and the list both tell."""
    if step.base == digest(remote):
        return True
    row = step.kind.rows(account).filter(telnyx_id=step.telnyx_id).first()
    if row is None:
        return False
    base = snapshot(row, step.base)
    return step.base == base_of(row, remote) or (base is not None and agree(base, remote))


def _keep(kind: Kind, account: TelnyxAccount, page: store.Page, actor: Actor) -> None:
    """Keep what the list tells: a single answer may tell other members, and alone could not be held to the plan."""
    known = set(kind.rows(account).filter(telnyx_id__in=page.remotes).values_list("telnyx_id", flat=True))
    old = {id: remote for id, remote in page.remotes.items() if id in known}
    new = {id: remote for id, remote in page.remotes.items() if id not in known}
    store.write(kind, account, replace(page, remotes=old), actor, store.seen_by(actor))
    store.write(kind, account, replace(page, remotes=new), actor, f"read ({actor.label})")
