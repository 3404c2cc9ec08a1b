"""The steps of whoever suspends and lifts, and the histories that have them among all others."""

from random import Random

from tests.model.command_steps import ADA
from tests.model.suspensions import OF_ANOTHER
from tests.model.world import Step, World
from tests.support.factories import CONNECTION
from voice.models import DialBatch, Suspension
from voice.stops import service

HELD = {"account": "", "application": CONNECTION, "another": OF_ANOTHER}  # what is suspended, by its connection_id
_OFTEN = 0.25  # of all histories
_LASTS = (3, 40)  # steps


def suspend(world: World, what: str) -> None:
    """Somebody suspends the account, the application in which all calls are, or another one."""
    service.suspend(world.account, HELD[what], "a test", ADA)


def lift(world: World) -> None:
    """Somebody lifts whatever is suspended."""
    for row in Suspension.objects.filter(account=world.account):
        service.lift(row, ADA)


def settle_batches(world: World) -> None:
    """The sweep looks whether a batch was left behind: then each is as its suspension has it."""
    service.settle_batches()
    with world.judging():
        running = set(service.running_batches(world.account).values_list("connection_id", flat=True))
        held = list(Suspension.objects.filter(account=world.account).values_list("connection_id", flat=True))
        paused = DialBatch.objects.filter(account=world.account, status="paused", paused_for__isnull=False)
        left = paused.filter(commands__status="queued").exists()
    if running and ("" in held or running & set(held)):
        world.wrong.append("suspensions: a batch runs while it is suspended")
    if left and not held:
        world.wrong.append("suspensions: a batch stays paused, and nothing suspends it")


def among(seed: int, steps: list[Step]) -> list[Step]:
    """Put suspensions into the history of that seed, if it is one of those that have some."""
    dice = Random(f"stops of {seed}")
    if dice.random() >= _OFTEN:
        return steps
    for _ in range(dice.randint(1, 3)):
        begin = dice.randrange(len(steps))
        steps = [*steps[:begin], *_stop(dice), *steps[begin:]]
        end = min(begin + dice.randint(*_LASTS), len(steps))
        steps = [*steps[:end], _perhaps_stopped(dice, ("lift",)), *steps[end:]]
    return steps


def _stop(dice: Random) -> list[Step]:
    """What is asked for meets the suspension: before it, after it, or while somebody is at it."""
    asked: list[Step] = [("press", dice.randrange(4), "2"), ("deliver", -1, "once"), ("dial", dice.randrange(3), False)]
    if dice.random() < 0.5:
        asked.append(("make_batch", 3))
    what = dice.choice(("account", "application", "application", "another"))
    begun: list[Step] = [("lease_due", 500), ("work_and_begin", -1)]
    later: list[list[Step]] = [[("process",)], [("sweep", 500)], [("settle_batches",)], begun]
    then = [step for steps in dice.sample(later, dice.randint(1, 3)) for step in steps]
    return [*asked, _perhaps_stopped(dice, ("suspend", what)), *then]


def _perhaps_stopped(dice: Random, step: Step) -> Step:
    chance = dice.random()
    if chance < 0.15:
        return ("dies", dice.randrange(8), step)
    if chance < 0.3:
        return ("amid", dice.randrange(5), step, (("sweep", 500), ("attempt", -1, "ok", 0.1, ())))
    return step
