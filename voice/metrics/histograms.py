"""Keeps how long things took in steps that are fixed, so that those of two quarters add up, and finds percentiles."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Histogram:
    """Counts lengths of time between ``edges``, in seconds; the last step has no end."""

    name: str
    edges: tuple[float, ...]

    @property
    def steps(self) -> dict[str, tuple[float, float | None]]:
        """Return what each step is called, with where it begins and where the next one does."""
        ends = (*self.edges, None)
        return {f"{self.name}:{begin}": (begin, end) for begin, end in zip((0, *self.edges), ends, strict=True)}

    def counts(self, counts: Mapping[str, int]) -> list[int]:
        return [counts.get(step, 0) for step in self.steps]

    def percentile(self, counts: Mapping[str, int], share: float) -> float | None:
        """Return how many seconds ``share`` of them took at most: exact to a step, within it by proportion."""
        total = sum(self.counts(counts))
        if not total:
            return None
        wanted, passed = share * total, 0
        for step, (begin, end) in self.steps.items():
            here = counts.get(step, 0)
            if here and passed + here >= wanted:
                return float(begin) if end is None else begin + (end - begin) * (wanted - passed) / here
            passed += here
        return None


TALK = Histogram(
    "talk",
    (6, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900, 1200, 1800, 2700, 3600, 7200),
)
SETUP = Histogram("setup", (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 90, 120))
_SHORT = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3600)
DELAY = Histogram("delay", _SHORT)  # of a webhook: from what happened until it was received
# the way to an answer: until the webhook was received, until our command was sent, until Telnyx had answered
PATH = {name: Histogram(f"path_{name}", _SHORT) for name in ("delivery", "queue", "telnyx")}
