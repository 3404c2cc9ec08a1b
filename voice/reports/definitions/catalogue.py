"""Lists all figures in the order of the page, and says what holds for each."""

from collections.abc import Mapping

from voice.metrics.kinds import AS
from voice.reports.definitions.course import COURSE
from voice.reports.definitions.metric import Metric
from voice.reports.definitions.quality import QUALITY

METRICS: tuple[Metric, ...] = (*COURSE, *QUALITY)
NAMES_OF_KINDS = {
    AS.INCOMING.value: "incoming",
    AS.OUTGOING.value: "dialled",
    AS.TRANSFERRED.value: "transfers",
    "": "all legs",
}
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
_GROUPS = {AS.INCOMING.value: "Incoming", AS.OUTGOING.value: "Dialled"}
GENERAL = (
    "Every figure counts calls that are over and judged: a running call is in none, and is counted within half a "
    "minute of its end. A call belongs to the quarter of an hour in which it began; a window takes in its beginning, "
    "and not its end. Percentiles are exact to the steps of a fixed scale."
)


def by_group() -> dict[str, list[str]]:
    """Return the names of the figures under each heading of the page, in order."""
    found: dict[str, list[str]] = {}
    for metric in METRICS:
        found.setdefault(metric.group or _GROUPS.get(metric.counted_as, "All legs"), []).append(metric.name)
    return found
