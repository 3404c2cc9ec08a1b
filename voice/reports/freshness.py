"""Says how far the figures are behind the calls: what is on the line, and what waits for being counted."""

from dataclasses import dataclass

from voice.models import Call, StaleQuarter

_MOST = 1000


@dataclass(frozen=True)
class Freshness:
    """Counts calls that are in no figure yet, and quarters of an hour that are counted anew."""

    alive: int
    unjudged: int
    stale: int

    def sentence(self) -> str:
        """Say it; empty when everything is counted."""
        said = []
        if self.alive:
            said.append(f"{self.alive} on the line and in no figure yet")
        if self.unjudged:
            said.append(f"{_up_to(self.unjudged)} just over and not judged yet")
        if self.stale:
            quarters = "quarter of an hour is" if self.stale == 1 else "quarters of an hour are"
            said.append(f"{_up_to(self.stale)} {quarters} being counted anew")
        return "; ".join(said)


def now() -> Freshness:
    """Count them: each by an index of just these."""
    waiting = Call.objects.filter(judge_at__isnull=False, counted_as="").order_by()
    return Freshness(
        Call.objects.alive().count(),
        waiting[: _MOST + 1].count(),
        StaleQuarter.objects.order_by()[: _MOST + 1].count(),
    )


def _up_to(count: int) -> str:
    return f"more than {_MOST}" if count > _MOST else str(count)
