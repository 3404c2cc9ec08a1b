"""The steps of Telnyx, the street door, the workers of events, recoveries and replays."""

from typing import Any

from portal.actors import PORTAL
from tests.model.command_steps import ADA
from tests.model.telnyx import Webhook
from tests.model.world import DIGIT, World
from tests.support.factories import TO
from voice.events import leases, processing
from voice.events.following import wake_following
from voice.models import CallEvent
from voice.recovery import backfill
from voice.replay import runs
from voice.replay.selection import Selection

_TRIES = 3  # after so many Telnyx gives a delivery up


def ring(world: World, late: bool = False) -> None:
    """Somebody calls; of that Telnyx tells in time, or when all is over."""
    world.telnyx.begin_leg(outgoing=False, to=TO, late=late)


def ring_unheard(world: World) -> None:
    """Somebody calls, and of the beginning Telnyx tells nothing: then webhooks did not come here yet."""
    world.telnyx.begin_leg(outgoing=False, to=TO, quiet=True)


def record(world: World, at: int) -> None:
    """Telnyx records a call by its own settings, and tells of it by the leg alone.

    It began long before any command: of one that begins with a command nobody could tell whose it is.
    """
    if alive := [leg for leg in world.telnyx.legs if leg.alive]:
        leg = alive[at % len(alive)]
        times = {"recording_started_at": world.telnyx.iso(leg.started - 60), "recording_ended_at": world.telnyx.iso()}
        world.telnyx.tell("call.recording.saved", leg, **times)


def hang_up(world: World, at: int) -> None:
    """Whoever was called or calls ends it."""
    if alive := [leg for leg in world.telnyx.legs if leg.alive]:
        world.telnyx.end_leg(alive[at % len(alive)])


def press(world: World, at: int, digit: str) -> None:
    """A caller presses a key, for which there is a rule."""
    if alive := [leg for leg in world.telnyx.legs if leg.alive]:
        world.telnyx.tell(DIGIT, alive[at % len(alive)], digit=digit)


def pick_up(world: World, at: int) -> None:
    """Somebody who was called answers."""
    if alive := [leg for leg in world.telnyx.legs if leg.alive and leg.outgoing]:
        world.telnyx.tell("call.answered", alive[at % len(alive)])


def deliver(world: World, at: int, how: str = "once") -> None:
    """Telnyx delivers one of its webhooks, in whatever order."""
    known = [one for one in world.telnyx.webhooks if (one.source == "delivered") is (how == "again")]
    waiting = [one for one in known if one.source not in ("failed", "late")]
    if not waiting:
        return
    webhook = waiting[at % len(waiting)]
    if how == "lost":
        webhook.attempts += 1
        _missed(world, webhook)
    elif how == "forged":
        forged = Webhook(webhook.data | {"id": f"forged-{webhook.data['id']}"[:100]}, webhook.at)
        if world.post(forged, forged=True) == 200:
            world.wrong.append("I8: a forged request is answered 200")
    else:
        for _ in range(2 if how == "twice" else 1):
            if world.post(webhook) == 200:
                webhook.source = "delivered"
        if webhook.source != "delivered":
            _missed(world, webhook)


def _missed(world: World, webhook: Webhook) -> None:
    if webhook.attempts >= _TRIES and webhook.source == "pending":
        webhook.source, webhook.failed_at = "failed", world.clock.now


def lose(world: World, at: int) -> None:
    """The broker loses a wake-up."""
    if world.woken:
        world.woken.pop(at % len(world.woken))


def lease(world: World, at: int) -> None:
    """A worker takes up a wake-up of an event."""
    if event_id := world.next_woken("voice.process_event", at):
        _hold(world, leases.lease(event_id))


def lease_due(world: World, most: int = 500) -> None:
    """The sweep claims a few events that are due."""
    due = processing.due(most)
    for leased in leases.lease_fresh(due).values() if due else ():
        _hold(world, leased)
    for event_id in due:
        _hold(world, leases.lease(event_id))


def _hold(world: World, leased: leases.LeasedEvent | None) -> None:
    if leased is None:
        return
    seconds = leases.LEASE.total_seconds()
    # a backfilled event that has become a webhook is another claim: whoever had it before closes nothing
    claim = (leased.event.pk, leased.event.source)
    held = [(other.event.pk, other.event.source) for other, at in world.at_work if world.clock.now - at < seconds]
    if claim in held:
        world.wrong.append(f"lease: two workers have {leased.event.event_type}")
    world.at_work.append((leased, world.clock.now))


def work(world: World, at: int) -> None:
    """A worker processes the event that it has leased."""
    if world.at_work:
        leased, _ = world.at_work.pop(at % len(world.at_work))
        wake_following(processing._work(leased))


def process(world: World) -> None:
    """A worker processes whatever it is woken for."""
    while event_id := world.next_woken("voice.process_event", 0):
        wake_following(processing.process(event_id))


def abandon(world: World, at: int) -> None:
    """A worker of events dies, wherever it is."""
    if world.at_work:
        world.at_work.pop(at % len(world.at_work))


def recover(world: World, fate: str = "ok") -> None:
    """What webhooks did not bring is fetched from Telnyx's records."""
    world.read_fate = fate
    try:
        backfill.recover(world.account, PORTAL)
    finally:
        world.read_fate = "ok"


def replay(world: World, at: int, side_effects: bool) -> None:
    """Somebody has an event, or all that there are, run again."""
    rows = CallEvent.objects.filter(account=world.account).order_by("received_at", "dedupe_key")
    chosen: dict[str, Any] = {"account": "main"}
    if at:
        ids = list(rows.values_list("pk", flat=True))
        if not ids:
            return
        chosen["ids"] = (str(ids[at % len(ids)]),)
    runs.begin(runs.request_run(Selection(**chosen), ADA), ADA, side_effects=side_effects)


def work_replay(world: World) -> None:
    """The sweep does a piece of it."""
    for replay_id in runs.due(1):
        wake_following(runs.work(replay_id, 5.0))
