"""Draws histories, plays them, and of one that breaks an invariant finds a short script that breaks it, too."""

import gc
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from tests.model import stop_steps
from tests.model.calm import calm_down
from tests.model.invariants import broken
from tests.model.scenes import SCENES
from tests.model.steps import MOODS, STEPS, Dice, draw
from tests.model.world import Settings, Step, world_of

TAKE = {name: kind.take for name, kind in STEPS.items()}
RAISED = "an error"
_MOOD_CHANGES = 0.02  # of all steps
_SCENES = 0.03  # and so often a scene begins instead
_BEGINS_WITH_ONE = 0.5  # of all histories: nothing else is about then


@dataclass(frozen=True)
class History:
    settings: Settings
    steps: tuple[Step, ...]

    def script(self) -> str:
        """Return what replays it: a test to be pasted."""
        told = ", ".join(f"{name}={value!r}" for name, value in asdict(self.settings).items())
        lines = "".join(f"            {step!r},\n" for step in self.steps)
        call = f"    replay(\n        Settings({told}),\n        [\n{lines}        ],\n    )\n"
        return f"def test_replay(db: None) -> None:\n{call}"


def history(seed: int, number: int) -> History:
    """Draw the history of that seed with so many steps."""
    dice = Dice(seed)
    flags = (dice.random() < often for often in (0.4, 0.5, 0.3))
    settings = Settings(seed, dice.choice((3, 5, 1000)), *flags, most_rivals=dice.choice((500, 3)))
    dice.choose_theme()
    steps: list[Step] = []
    scenes = _BEGINS_WITH_ONE
    while len(steps) < number:
        if dice.random() < _MOOD_CHANGES:
            dice.mood = dice.choice(list(MOODS))
        steps += dice.choice(SCENES)(dice) if dice.random() < scenes else [draw(dice)]
        scenes = _SCENES
    return History(settings, tuple(stop_steps.among(seed, steps[:number])))


def play(one: History) -> list[str]:
    """Play it, let all become calm, and judge."""
    gc.disable()  # a history makes a million objects, and its end frees them
    try:
        with world_of(one.settings, TAKE) as world:
            for step in one.steps:
                world.run([step])
                if world.wrong:
                    return world.wrong
            calm_down(world)
            return broken(world)
    except Exception as error:  # nothing that a step does may raise: it is shortened and told like what else breaks
        where = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{RAISED}: {type(error).__name__} in {where.name}, line {where.lineno} ({error})"]
    finally:
        gc.enable()


def replay(settings: Settings, steps: Sequence[Step]) -> None:
    """Play a script; fails with what it breaks."""
    wrong = play(History(settings, tuple(steps)))
    assert not wrong, "\n".join(wrong)


def first_broken(seeds: Iterable[int], number: int) -> tuple[History, list[str]] | None:
    """Find the first history that breaks something."""
    for seed in seeds:
        one = history(seed, number)
        if wrong := play(one):
            return one, wrong
    return None


def shrink(one: History, wrong: Sequence[str], most: int = 400) -> History:
    """Leave out what can be left out while the same invariant breaks: large pieces first (delta debugging)."""
    names, tries = {_name(words) for words in wrong}, 0
    size = max(len(one.steps) // 2, 1)
    while size:
        at = 0
        while at < len(one.steps) and tries < most:
            fewer = History(one.settings, one.steps[:at] + one.steps[at + size :])
            tries += 1
            if names & {_name(words) for words in play(fewer)}:
                one = fewer
            else:
                at += size
        size //= 2
    return one


def _name(words: str) -> str:
    return words.partition(" ")[0] if words.startswith("I") else words.partition(":")[0]
