"""One figure of a benchmark: beside its floor in the same run, with its goal, and what it means to a user."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


class Unmeasured(Exception):
    """Says why a benchmark could not measure what it is there for: then ``make bench`` fails."""


@dataclass(frozen=True)
class Figure:
    """Holds a figure of the portal's, ``floor`` what it is measured against, ``ratio`` the middle one of all rounds.

    The goal is a bound of the ratio, or of the figure itself where there is no floor (``of_ratio`` tells); without a
    bound it is only told.
    """

    number: str
    what: str
    unit: str
    ours: float
    means: str
    floor: float | None = None
    ratio: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    of_ratio: bool = True
    note: str = ""

    @property
    def judged(self) -> float:
        return self.ratio if self.of_ratio and self.ratio is not None else self.ours

    @property
    def held(self) -> bool | None:
        """Whether the goal is held; None where there is none."""
        if self.at_least is not None:
            return self.judged >= self.at_least
        return self.judged <= self.at_most if self.at_most is not None else None

    @property
    def goal(self) -> str:
        if self.at_least is None and self.at_most is None:
            return "told"
        bound, word = (self.at_least, "≥") if self.at_least is not None else (self.at_most, "≤")
        return f"{word} {shown(bound)}" + (" ×" if self.of_ratio and self.ratio is not None else f" {self.unit}")

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"held": self.held, "goal": self.goal}

    def __str__(self) -> str:
        told = f"{self.number} {self.what}: "
        told += f"floor {shown(self.floor)} → " if self.floor is not None else ""
        told += f"{shown(self.ours)} {self.unit}"
        told += f", ratio {shown(self.ratio)}" if self.ratio is not None else ""
        told += f" (goal {self.goal}: {'held' if self.held else 'MISSED'})" if self.held is not None else ""
        return told + (f"; {self.note}" if self.note else "")


def shown(value: float | None) -> str:
    """Write a number with as many digits as it is worth."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def compared(
    number: str, what: str, unit: str, pairs: Sequence[tuple[float, float]], means: str, **more: Any
) -> Figure:
    """Make a figure of rounds, each a floor and what the portal reached right after (or before) it."""
    if len(pairs) < 3:
        raise Unmeasured(f"{what}: {len(pairs)} rounds are too few")
    floors, ours = zip(*pairs, strict=True)
    ratio = statistics.median(mine / max(floor, 1e-9) for floor, mine in pairs)
    middle = statistics.median(floors), statistics.median(ours)
    return Figure(number, what, unit, middle[1], means, floor=middle[0], ratio=ratio, **more)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share does not exceed; a p95 of fewer than 200 would be a guess."""
    if share > 0.9 and len(values) < 200:
        raise Unmeasured(f"a p{share * 100:.0f} needs 200 samples, and there are {len(values)}")
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]
