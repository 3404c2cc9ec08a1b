"""Ends a history: all is well from now on, and whoever goes on by himself does. Then nothing may stay open."""

from django.db.models import QuerySet

from tests.model import command_steps, event_steps, stop_steps
from tests.model.world import World
from voice.dialling import batches
from voice.dispatch import reconciliation
from voice.events import processing
from voice.models import CallCommand, CallEvent, DialBatch, Replay
from voice.replay import runs

_WAITS = (0.6, 5, 20, 40, 61)
_ROUNDS = 60


def calm_down(world: World) -> None:
    """All is lifted. What is on the wire comes to an end while its batch is paused; then the batch is resumed."""
    world.clock.skew = 0.0
    world.sending.clear()
    world.at_work.clear()
    world.woken.clear()
    stop_steps.lift(world)
    stop_steps.settle_batches(world)
    _deliver_what_waits(world)
    if not _until_nothing_is_owed(world, CallCommand.objects.exclude(batch__status="paused", first_sent_at=None)):
        world.wrong.append("I3: not all comes to its end while a batch is paused")
    for batch in DialBatch.objects.filter(account=world.account, status="paused"):
        batches.resume(batch, command_steps.ADA)
    world.clock.now += 200
    event_steps.recover(world)
    _until_nothing_is_owed(world, CallCommand.objects.all())
    world.clock.now += 1000  # whoever decides after 15 minutes may
    _rounds(world)


def _deliver_what_waits(world: World) -> None:
    for webhook in world.telnyx.webhooks:
        if webhook.source in ("pending", "late") and world.post(webhook) == 200:
            webhook.source = "delivered"


def _until_nothing_is_owed(world: World, which: QuerySet[CallCommand]) -> bool:
    open_ones = which.filter(account=world.account, status__in=("queued", "sending"))
    for at in range(_ROUNDS):
        _rounds(world)
        _deliver_what_waits(world)
        received = CallEvent.objects.filter(account=world.account, status="received")
        running = Replay.objects.filter(state__in=("looking", "running"))
        if not (open_ones.exists() or received.exists() or running.exists()):
            return True
        world.clock.now += _WAITS[at % len(_WAITS)]
    return False


def _rounds(world: World) -> None:
    """What the sweep does, until nothing is due."""
    for _ in range(50):
        if not _round(world):
            return


def _round(world: World) -> bool:
    due = processing.due(500)
    if due:
        event_steps.lease_due(world)
    while world.at_work:
        event_steps.work(world, 0)
    world.clock.now += 0.01
    command_steps.sweep(world)
    sent = bool(world.sending)
    while world.sending:
        command_steps.attempt(world, 0, "ok", 0.01)
        command_steps.settle(world, 0)
    looks = reconciliation.due(20)
    for command_id in looks:
        reconciliation.reconcile(command_id)
    replays = runs.due(1)
    event_steps.work_replay(world)
    return bool(due or sent or looks or replays)
