"""The steps of whoever makes a batch and steers it, with what each step alone must keep."""

from datetime import datetime, timedelta

from tests.model.command_steps import ADA, MOMENT
from tests.model.world import World
from tests.support.factories import CONNECTION, FROM
from voice.catalogue import retry_policy
from voice.dialling import batches, limits
from voice.models import DialBatch


def make_batch(world: World, lines: int, per_second: float = 1.0) -> None:
    if world.batch is not None:
        return
    shared = {"from": FROM, "connection_id": CONNECTION}
    numbers = [batches.Line(at + 1, f"+1312555{1000 + at}") for at in range(lines)]
    before = world.clock.database()
    try:
        world.batch = batch = batches.make(world.account, shared, numbers, per_second, ADA)
    except limits.LimitExceeded:
        return
    _judge_due_times(world, batch, before)


def steer(world: World, verb: str) -> None:
    """Pause, resume or cancel the batch."""
    batch, before = world.batch, world.clock.database()
    if batch is not None:
        with world.judging():
            was = DialBatch.objects.get(pk=batch.pk).status
        try:
            getattr(batches, verb)(batch, ADA)
        except limits.LimitExceeded:  # it is suspended
            return
        with world.judging():
            is_anothers = DialBatch.objects.filter(pk=batch.pk, status="paused", paused_for__isnull=False).exists()
        if verb == "pause" and is_anothers:
            world.wrong.append("suspensions: a batch goes on with them though somebody has paused it for himself")
        if verb == "resume" and was == DialBatch.Status.PAUSED:
            _judge_due_times(world, batch, before)


def _judge_due_times(world: World, batch: DialBatch, before: datetime) -> None:
    with world.judging():
        batch = DialBatch.objects.get(pk=batch.pk)
        lines = list(batch.commands.filter(status="queued", first_sent_at=None).order_by("sequence"))
    if not before - MOMENT < batch.began_at < world.clock.database() + MOMENT:
        world.wrong.append("I7: a batch is not timed by the database's clock")
    for at, line in enumerate(lines):
        due = batch.began_at + timedelta(seconds=at / batch.per_second)
        if line.counted_at != due or line.expires_at != due + retry_policy.freshness("dial"):
            world.wrong.append("I7: a line of a batch is not timed as the batch")
