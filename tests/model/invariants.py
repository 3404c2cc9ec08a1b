"""What holds when all is calm again (I1 to I8 of docs/faults.md, I13 while it goes on), judged by rows and by what the
model's Telnyx really did."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tests.model.telnyx import Leg
from tests.model.world import World
from voice.calls.projection import changes
from voice.catalogue import retry_policy
from voice.models import AccountBreaker, Call, CallCommand, CallEvent
from voice.models.events import CallEvent as Row

_ORDERS = 2
_WINDOW = 50.5  # seconds
_NOT_DERIVED = {"step"}
# Whoever asked for it has it, whoever brought it about
_WISHES = {"hangup", "reject", "answer", "leave_queue"}


def broken(world: World) -> list[str]:
    """Judge the world; each is named by its invariant."""
    found = list(world.wrong)
    for judge in (
        _stored,
        _final,
        _order_proof,
        _intents,
        _sends,
        _outcomes,
        _settled,
        _decided,
        _orders,
        _neighbour,
        _breaker,
    ):
        found += judge(world)
    return list(dict.fromkeys(found))


def _events(world: World) -> list[CallEvent]:
    return list(CallEvent.objects.filter(account=world.account))


def _commands(world: World) -> list[CallCommand]:
    return list(CallCommand.objects.filter(account=world.account).select_related("call", "batch"))


def _stored(world: World) -> Iterator[str]:
    events = _events(world)
    by_key = Counter(row.event_id for row in events if row.reason != Row.Reason.VARIANT)
    if any(count > 1 for count in by_key.values()):
        yield "I2: an event of Telnyx has several rows"
    for body in world.acknowledged:
        if json.loads(body)["data"]["id"] not in by_key:
            yield "I1: what was answered 200 is not stored"
    told = {one.data["id"] for one in world.telnyx.webhooks}
    if missing := told - set(by_key):
        types = {one.data["event_type"] for one in world.telnyx.webhooks if one.data["id"] in missing}
        yield f"I1: Telnyx tells of what is not here: {sorted(types)}"
    if set(by_key) - told - world.telnyx.told_again:
        yield "I8: what Telnyx never sent is stored"


def _final(world: World) -> Iterator[str]:
    for event in _events(world):
        if event.status not in ("processed", "ignored"):
            yield f"I3: {event.event_type} stays {event.status} ({event.error})"
    for command in _commands(world):
        if command.status in ("queued", "sending"):
            outcomes = [one.get("outcome") for one in command.attempts]
            yield f"I3: {command.action} stays {command.status} {outcomes} {command.held_why}"
        elif command.lease_until is not None:
            yield f"I3: {command.action} is {command.status} and stays leased"


def _order_proof(world: World) -> Iterator[str]:
    dice = random.Random(4)
    told: dict[Any, list[CallEvent]] = defaultdict(list)
    events = _events(world)
    for event in events:
        if event.call_id is not None:
            told[event.call_id].append(event)
    by_leg = {call.call_leg_id: call for call in Call.objects.filter(account=world.account)}
    for event in events:
        if (call := by_leg.get(event.call_leg_id)) and event.call_id != call.pk:
            yield f"I4: {event.event_type} did not reach its call"
    for call in by_leg.values():
        mine = told[call.pk]
        for _ in range(_ORDERS):
            shuffled = dice.sample(mine, len(mine)) + dice.sample(mine, min(len(mine), 2))
            if wrong := _differences(call, shuffled):
                yield f"I4: a call in another order differs in {', '.join(wrong)}"


def _differences(row: Call, events: list[CallEvent]) -> list[str]:
    ours = {event.dedupe_key for event in events}
    kept = {column: key for column, key in row.facts.items() if key[3] not in ours or column in _NOT_DERIVED}
    call = Call(started_at=datetime.max.replace(tzinfo=UTC), facts=dict(kept))
    for column in kept:
        setattr(call, column, getattr(row, column))
    for event in events:
        for column, value in changes(call, event).items():
            setattr(call, column, value)
    return [column for column in (*row.facts, "facts") if getattr(call, column) != getattr(row, column)]


def _intents(world: World) -> Iterator[str]:
    if any(len(pks) > 1 for pks in world.wishes.values()):
        yield "I5: one wish became two commands"
    places = Counter((row.event_id, row.sequence) for row in _commands(world) if row.event_id)
    if any(count > 1 for count in places.values()):
        yield "I5: one step of a rule became two commands"


def _sends(world: World) -> Iterator[str]:
    telnyx, claims = world.telnyx, Counter(world.claims)
    for row in _commands(world):
        sends, kind = telnyx.sends.get(row.pk, []), retry_policy.retry_class(row.action)
        if kind is retry_policy.RetryClass.SET_STATE:
            continue
        if sends and sends[-1] - sends[0] > _WINDOW:
            yield f"I5: {row.action} is sent {sends[-1] - sends[0]:.0f} s after the first time"
        if kind is retry_policy.RetryClass.ONCE and len(sends) > 1:
            yield f"I5: {row.action} takes no id and is sent {len(sends)} times"
        if len(row.attempts) != claims[row.pk]:
            yield f"I5: {row.action} was claimed {claims[row.pk]} times and shows {len(row.attempts)} attempts"
        if telnyx.done[row.pk] > 1:
            yield f"I6: {row.action} is carried out {telnyx.done[row.pk]} times"
    for action in telnyx.needless:
        yield f"I6: {action} is repeated though it is so already"


def _outcomes(world: World) -> Iterator[str]:
    done = world.telnyx.done
    for row in _commands(world):
        if row.settlement:
            continue
        if row.status == "ok" and not done[row.pk] and row.pk not in world.telnyx.refused:
            yield f"I6: {row.action} is ok and was never carried out"
        if row.status in ("expired", "refused") and done[row.pk]:
            yield f"I6: {row.action} is {row.status} and was carried out ({row.error})"


def _settled(world: World) -> Iterator[str]:
    """What the portal itself settles, it knows."""
    telnyx = world.telnyx
    legs = {leg.control_id: leg for leg in telnyx.legs}
    for row in _commands(world):
        if row.action == "dial" and row.call is not None and _is_anothers(row, legs.get(row.call.call_control_id)):
            yield "I6: a dial has the call of another"
        if not row.settlement.startswith("Settled from") or _brought_about(row):
            continue
        if row.status == "ok" and not telnyx.done[row.pk]:
            yield f"I6: {row.action} is settled as ok and was never carried out ({row.settlement})"
        if row.status in ("expired", "refused") and telnyx.done[row.pk]:
            yield f"I6: {row.action} is settled as {row.status} and was carried out ({row.settlement})"


def _decided(world: World) -> Iterator[str]:
    """What a person has decided stands."""
    rows = CallCommand.objects.filter(account=world.account)
    for row in rows.filter(repeated_by__isnull=False):
        if not row.settlement.startswith("Not known."):
            yield f"decisions: {row.action} was sent again, and then {row.status} ({row.settlement})"
    if any(row.repeated_by.count() > 1 for row in rows):
        yield "decisions: sent again twice"
    for pk, status in world.decided.items():
        if status != rows.get(pk=pk).status:
            yield "decisions: what a person said was changed"


def _is_anothers(row: CallCommand, leg: Leg | None) -> bool:
    return leg is not None and leg.by != row.pk


def _brought_about(row: CallCommand) -> bool:
    return (
        row.action in _WISHES
        or row.action.startswith("stop_")
        or retry_policy.retry_class(row.action) is retry_policy.RetryClass.SET_STATE
    )


def _orders(world: World) -> Iterator[str]:
    for event in _events(world):
        mine = list(event.commands.order_by("sequence"))
        for before, after in pairwise(mine):
            if after.status == "ok" and before.status != "ok" and not after.settlement and not before.settlement:
                yield f"order: {before.action} is {before.status}, and {after.action} after it is {after.status}"
    for call in Call.objects.filter(account=world.account, state="lost"):
        leg = world.telnyx.leg(call.call_control_id)
        if leg is not None and leg.alive:
            yield "a call is closed as lost and lives"


def _neighbour(world: World) -> Iterator[str]:
    calls = Call.objects.filter(account=world.neighbour)
    if any(call.facts or call.state != "answered" for call in calls):
        yield "a neighbour's call is changed"
    if CallEvent.objects.filter(call__in=calls).exists() or CallEvent.objects.filter(account=world.neighbour).exists():
        yield "a neighbour's call has another account's event"


def _breaker(world: World) -> Iterator[str]:
    row = AccountBreaker.objects.filter(account=world.account).first()
    if row is not None and "401" not in world.said and "rejects the account's key" in row.why:
        yield "breaker: an ordinary refusal is taken for a bad key"
