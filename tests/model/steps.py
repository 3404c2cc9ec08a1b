"""The table of steps: what each does, how often one is drawn, and with which values. Whatever sends later adds its own.

A step is its name and plain values (``("settle", 2)``), so that a history can be written down and replayed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.model import batch_steps, begun_steps, command_steps, event_steps, stop_steps
from tests.model.telnyx import FATES
from tests.model.world import Step, World
from voice.dispatch import reconciliation

# How Telnyx is, for a while: the weights of ``FATES``
MOODS: dict[str, tuple[float, ...]] = {
    "well": (20, 1, 0.5, 0.5, 0.5, 0, 0.3, 0.5, 0.5, 0, 0.2, 0.2),
    "ill": (3, 4, 3, 2, 0.5, 0.3, 0.5, 0.5, 0.5, 0, 0.5, 0.5),
    "dead": (0.3, 2, 8, 2, 0, 0, 0, 0, 0, 0, 0.3, 0),
    "slow": (3, 0, 0, 0, 3, 2, 3, 0, 0, 0.3, 0, 0),
    "strict": (3, 1, 0.5, 0.5, 0, 0, 0, 3, 5, 0, 1, 1),
}
_SKEWS = (0, 0, 0, -16, -60, 40, 3)
_WAITS = {0.3: 6, 0.6: 6, 1: 5, 3: 4, 8: 2, 20: 1, 35: 1, 55: 0.5, 130: 0.4}  # seconds, and how often


@dataclass(frozen=True)
class Theme:
    """What many of a history's steps are about, so that things meet: actions wished for, and steps taken more often."""

    wishes: tuple[str, ...] = ()
    more: dict[str, float] = field(default_factory=dict)


THEMES = (
    *(Theme(), Theme(), Theme()),
    Theme(more={"dial": 4, "look": 2, "pick_up": 2}),
    Theme(more={"dial": 4, "record": 8, "deliver": 2, "process": 3, "wish": 0.3, "send": 2}),
    Theme(more={"make_batch": 4, "steer": 3, "dial": 2, "wish": 0.5}),
    Theme(more={"ring": 3, "record": 3, "deliver": 2, "replay": 3, "work_replay": 2, "wish": 0.3}),
    Theme(more={"ring": 4, "record": 6, "recover": 6, "process": 2, "wait": 2, "wish": 0.2, "hang_up": 0.3}),
    Theme(more={"in_room": 5, "wish": 0.4}),
    Theme(("start_transcription",), {"look": 2}),
    Theme(("bridge", "transfer"), {"look": 2}),
    Theme(("answer", "start_recording", "stop_recording"), {"look": 2, "ring": 2}),
    Theme(("speak", "hangup")),
    Theme(("speak", "send_dtmf"), {"look": 2}),
    Theme(("start_siprec", "switch_supervisor_role", "update_client_state"), {"look": 2}),
)


class Dice(Random):
    """Chance that also remembers how Telnyx is."""

    mood = "well"
    theme: "Theme"
    wishes: tuple[int, ...] = ()
    often: dict[str, float]

    def choose_theme(self) -> None:
        """Choose what this history is about."""
        self.theme = self.choice(THEMES)
        names = self.theme.wishes or tuple(self.sample(sorted({name for name, _ in command_steps.WISHES}), 5))
        self.wishes = tuple(at for at, (name, _) in enumerate(command_steps.WISHES) if name in names)
        self.often = {name: kind.often * self.theme.more.get(name, 1) for name, kind in STEPS.items()}
        self.mood = self.choice(list(MOODS))

    def call(self) -> int:
        return self.choice((0, 0, 1, 2, self.some()))

    def number(self) -> int:
        return self.choice((0, 0, 0, 1, 2))

    def some(self, most: int = 24) -> int:
        return self.randrange(most)

    def rarely(self) -> bool:
        return self.random() < 0.15

    def fate(self) -> str:
        return self.choices(FATES, MOODS[self.mood])[0]


@dataclass(frozen=True)
class Kind:
    """``draw`` gives a step's values; of how many in a hundred this is one."""

    take: Callable[..., None]
    often: float
    draw: Callable[[Dice], tuple[Any, ...]] = lambda dice: ()


def _one(dice: Dice) -> tuple[Any, ...]:
    return (dice.some(),)


def _attempt(dice: Dice) -> tuple[Any, ...]:
    seconds = dice.choice((0.1, 0.1, 0.1, 0.1, 2, 8))
    return (dice.some(), dice.fate(), seconds, _others(dice) if dice.rarely() else ())


def _others(dice: Dice) -> tuple[Step, ...]:
    """What happens between: often that somebody else takes the same thing up after its lease."""
    if dice.random() < 0.4:
        later = dice.choice((("wait", 31), ("wait", 1)))
        mine: tuple[Step, ...] = (("sweep", 500), ("attempt", 0, dice.fate(), 0.1, ()), ("settle", 0))
        return (later, *dice.choice((mine, (("lease_due", 500), ("work", 0)))))
    return tuple(draw(dice, inner=True) for _ in range(dice.randint(1, 3)))


def _delivery(dice: Dice) -> tuple[Any, ...]:
    return (dice.some(), dice.choices(("once", "twice", "again", "lost", "forged"), (20, 3, 2, 4, 1.5))[0])


def _look(dice: Dice) -> tuple[Any, ...]:
    others = (("decide", dice.some(), _verdict(dice)),) if dice.random() < 0.4 else ()
    return (dice.some(), "down" if dice.rarely() else "ok", others)


def _verdict(dice: Dice) -> str:
    return dice.choice(("it_happened", reconciliation.SEND_AGAIN))  # which of the others it is, a person knows


def _dies(dice: Dice) -> tuple[Any, ...]:
    return (dice.randrange(8), draw(dice, inner=True, of=_INSIDE))


def _amid(dice: Dice) -> tuple[Any, ...]:
    return (dice.randrange(5), draw(dice, inner=True, of=_INSIDE), _others(dice))


STEPS: dict[str, Kind] = {
    "wish": Kind(command_steps.wish, 7, lambda dice: (dice.call(), dice.choice(dice.wishes), dice.rarely())),
    "dial": Kind(command_steps.dial, 3.5, lambda dice: (dice.number(), dice.rarely())),
    "in_room": Kind(command_steps.in_room, 1.5, lambda dice: (dice.some(2), dice.some(3))),
    "make_batch": Kind(batch_steps.make_batch, 0.8, lambda dice: (dice.randint(2, 6),)),
    "steer": Kind(batch_steps.steer, 1.6, lambda dice: (dice.choices(("pause", "resume", "cancel"), (5, 5, 0.5))[0],)),
    "claim": Kind(command_steps.claim, 9, _one),
    "sweep": Kind(command_steps.sweep, 6, lambda dice: (dice.choice((1, 500)),)),
    "attempt": Kind(command_steps.attempt, 13, _attempt),
    "settle": Kind(command_steps.settle, 12, _one),
    "send": Kind(command_steps.send, 12, lambda dice: (dice.some(), dice.fate())),
    "kill": Kind(command_steps.kill, 1.5, _one),
    "send_at_the_end": Kind(command_steps.send_at_the_end, 0.5, _one),
    "close_breaker": Kind(command_steps.close_breaker, 0.3),
    "look": Kind(command_steps.look, 4, _look),
    "decide": Kind(command_steps.decide, 1.2, lambda dice: (dice.some(), _verdict(dice))),
    "ring": Kind(event_steps.ring, 1.4, lambda dice: (dice.random() < 0.4,)),
    "ring_unheard": Kind(event_steps.ring_unheard, 0.2),
    "record": Kind(event_steps.record, 0.8, _one),
    "hang_up": Kind(event_steps.hang_up, 0.4, _one),
    "press": Kind(event_steps.press, 3, lambda dice: (dice.some(), dice.choice("122"))),
    "pick_up": Kind(event_steps.pick_up, 0.7, _one),
    "deliver": Kind(event_steps.deliver, 12, _delivery),
    "lose": Kind(event_steps.lose, 2, _one),
    "lease": Kind(event_steps.lease, 5, _one),
    "lease_due": Kind(event_steps.lease_due, 2, lambda dice: (dice.choice((2, 500)),)),
    "work": Kind(event_steps.work, 8, _one),
    "work_and_begin": Kind(begun_steps.work_and_begin, 8, _one),
    "process": Kind(event_steps.process, 5),
    "abandon": Kind(event_steps.abandon, 0.7, _one),
    "recover": Kind(event_steps.recover, 0.9, lambda dice: ("down" if dice.rarely() else "ok",)),
    "replay": Kind(event_steps.replay, 0.5, lambda dice: (dice.choice((0, dice.some())), dice.random() < 0.4)),
    "work_replay": Kind(event_steps.work_replay, 0.8),
    "wait": Kind(command_steps.wait, 8, lambda dice: (dice.choices(list(_WAITS), list(_WAITS.values()))[0],)),
    "skew": Kind(command_steps.skew, 0.4, lambda dice: (dice.choice(_SKEWS),)),
    "dies": Kind(World.dies, 3, _dies),
    "amid": Kind(World.amid, 3, _amid),
    # put into some of the histories by ``stop_steps``, and into scenes
    "suspend": Kind(stop_steps.suspend, 0, lambda dice: (dice.choice(list(stop_steps.HELD)),)),
    "lift": Kind(stop_steps.lift, 0),
    "settle_batches": Kind(stop_steps.settle_batches, 0),
}
# In these a process can be killed or stopped; the others are over at once, or Telnyx's.
_INSIDE = {
    *("wish", "dial", "claim", "attempt", "settle", "look", "deliver", "lease", "lease_due", "work", "recover"),
    *("work_and_begin", "work_replay", "make_batch", "steer", "decide"),
}
_NOT_WITHIN = {"dies", "amid", "skew"}


def draw(dice: Dice, *, inner: bool = False, of: set[str] | None = None) -> Step:
    """Draw a step; ``inner`` is one that happens within another."""
    names = [name for name in STEPS if (of is None or name in of) and not (inner and name in _NOT_WITHIN)]
    name = dice.choices(names, [dice.often[one] for one in names])[0]
    return (name, *STEPS[name].draw(dice))
