"""Puts a report together: the figures of a window beside those of the one before, the hours, the endings, the parts."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import InitVar, dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from portal.masking import display_number
from portal.phone_numbers import pretty
from voice.calls import search
from voice.catalogue import endings as wording_of_endings
from voice.metrics import kinds, measures
from voice.metrics.conditions import LONGEST, MINUTE
from voice.models import Flow
from voice.reports import figures
from voice.reports.counting import NEVER_PLACED
from voice.reports.definitions import wording
from voice.reports.definitions.catalogue import BY_NAME, by_group
from voice.reports.definitions.metric import Metric
from voice.reports.figures import Row, Scope, Tally
from voice.reports.links import Links
from voice.reports.windows import Window

MOST_LINES = 50
MOST_ENDINGS = 10  # are shown at once
COLUMNS = ("incoming", "incoming_answered", "put_through", "abandoned", "attempts", "asr", "minutes", "acd")
DIVISIONS = {"time": "Time", "application": "Application", "number": "Own number", "flow": "Flow", "account": "Account"}


@dataclass(frozen=True)
class Figure:
    """Is a metric as it is shown: its value, the one of the window before, and the list that it is made of."""

    metric: Metric
    words: str
    before: str
    change: dict[str, Any]
    url: str
    among_words: str = ""
    among_url: str = ""
    value: float | None = None
    was: float | None = None


@dataclass(frozen=True)
class Column:
    """Is an hour or a day of the chart; heights in percent of the highest one."""

    label: str
    title: str
    stacks: list[dict[str, Any]]


@dataclass(frozen=True)
class Chart:
    """Holds its columns, what its full height stands for, and what is written below."""

    columns: list[Column]
    most: int
    labels: list[str]

    @property
    def half(self) -> int:
        return self.most // 2


@dataclass(frozen=True)
class Line:
    """Is a line of a table: a figure for each of ``COLUMNS``, and what the report of that line alone asks for."""

    label: str
    cells: list[Figure]
    narrowed: dict[str, str]
    window: Window
    scope: Scope


@dataclass(frozen=True)
class Report:
    """Has all that the page of a window shows."""

    window: Window
    scope: Scope
    links: Links
    read: InitVar[list[Row]]  # of both windows, and of what may have been on the line as the earlier one began
    rows: list[Row] = field(init=False)
    total: Tally = field(init=False)
    before: Tally = field(init=False)
    busiest: datetime | None = field(init=False)  # a minute

    def __post_init__(self, read: list[Row]) -> None:
        rows = [row for row in read if row.quarter >= self.window.begin]
        earlier = [row for row in read if self.window.before.begin <= row.quarter < self.window.begin]
        total, before = figures.tally(rows), figures.tally(earlier)
        most, busiest = figures.busiest_minute(read, self.window)
        total.tell(_PEAK, most)
        before.tell(_PEAK, figures.busiest_minute(read, self.window.before)[0])
        for name, value in {"rows": rows, "total": total, "before": before, "busiest": busiest}.items():
            object.__setattr__(self, name, value)

    def figures(self, names: Iterable[str] = tuple(BY_NAME)) -> list[Figure]:
        """Return these figures; of amounts of money one for each currency."""
        return [
            self._figure(metric, self.total, self.window, self.scope, self.before)
            for name in names
            for metric in self._in_each_currency(BY_NAME[name])
        ]

    def groups(self) -> list[tuple[str, list[Figure]]]:
        """Return all figures, by the headings under which they stand."""
        return [(title, self.figures(names)) for title, names in by_group().items()]

    def _in_each_currency(self, metric: Metric) -> list[Metric]:
        if not metric.is_of_a_currency:
            return [metric]
        told = [*measures.currencies(self.total.of("")), *measures.currencies(self.before.of(""))]
        return [metric.in_currency(key) for key in dict.fromkeys(told)] or [metric]

    def chart(self) -> Chart:
        """Return the hours or days of the window with the calls that began in each."""
        parts = list(self.window.parts())
        tallies = figures.by_part(self.rows, parts)
        counts = [[one.of(kind).get("calls", 0) for kind in _STACKED] for one in tallies]
        most = _round_up(max((sum(numbers) for numbers in counts), default=0))
        columns = [self._column(part, numbers, most) for part, numbers in zip(parts, counts, strict=True)]
        every = max(len(columns) // 8, 1)
        return Chart(columns, most, [one.label if at % every == 0 else "" for at, one in enumerate(columns)])

    def endings(self, most: int = MOST_ENDINGS) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return how the calls of customers ended: as ``most`` of them did, and the rest; the largest first."""
        lines = []
        for kind in (kinds.AS.INCOMING, kinds.AS.OUTGOING):
            lines += [(kind, ending, n) for ending, n in measures.endings(self.total.of(kind)).items()]
        lines.sort(key=lambda line: -line[2])
        highest = max((n for _, _, n in lines), default=1)
        told = [self._ending(kind, ending, n, highest) for kind, ending, n in lines]
        return told[:most], told[most:]

    def lines(self, by: str, user: Any) -> tuple[list[Line], int]:
        """Return the table of a division, and how many lines it has beyond those."""
        if by == "time":
            parts = list(self.window.parts())
            tallies = figures.by_part(self.rows, parts)
            found = [
                self._line(_part_words(self.window, part), tally, part, self.scope)
                for part, tally in zip(parts, tallies, strict=True)
            ]
            return found[::-1], 0
        divided, more = self._divided(by)
        named = self._names(by, list(divided), user)
        return [
            self._line(label, tally, self.window, scope)
            for tally, (label, scope) in zip(divided.values(), named, strict=True)
        ], more

    def _divided(self, by: str) -> tuple[dict[Any, Tally], int]:
        """Return those of a division that have the most calls, and how many there are beyond.

        Of numbers there may be very many: the database finds them, and only their rows are read.
        """
        if by == "number":
            numbers, more = figures.busiest(self.window, self.scope, MOST_LINES)
            return figures.of_numbers(self.window, self.scope, numbers), more
        grouped = figures.tallies(self.rows, _KEYS[by])
        ordered = sorted(grouped.items(), key=lambda one: -one[1].of(figures.EVERY).get("calls", 0))
        return dict(ordered[:MOST_LINES]), max(len(ordered) - MOST_LINES, 0)

    def _figure(
        self, metric: Metric, tally: Tally, window: Window, scope: Scope, before: Tally | None = None
    ) -> Figure:
        value, was = tally.value(metric), before.value(metric) if before else None
        counted_as, among = metric.counted_as, tally.of(metric.counted_as).get(metric.among)
        return Figure(
            metric,
            wording.figure(metric, value),
            wording.figure(metric, was),
            wording.change(metric, value, was),
            self._link(metric, tally, window, scope) if value is not None else "",
            among_words=str(among) if metric.among and among is not None else "",
            among_url=self.links.of(metric.among, counted_as, window, scope) if metric.among and among else "",
            value=value,
            was=was,
        )

    def _link(self, metric: Metric, tally: Tally, window: Window, scope: Scope) -> str:
        """Return the address of the list that has what a figure counts."""
        if metric.of in NEVER_PLACED.values():
            return self.links.dials(metric.of, tally.of(metric.counted_as), window, scope)
        if metric.of != _PEAK:
            return self.links.of(metric.of, metric.counted_as, window, scope)
        if self.busiest is None:
            return ""
        on_the_line = Window(self.busiest - LONGEST, self.busiest + MINUTE)
        return self.links.of(measures.of_minute(self.busiest), "", on_the_line, scope)

    def _column(self, part: Window, numbers: list[int], most: int) -> Column:
        stacks = [
            {
                "kind": kind.value,
                "count": n,
                "percent": round(100 * n / most, 2),
                "url": self.links.of("calls", kind, part, self.scope) if n else "",
                "title": f"{_part_words(self.window, part)}: {n} {_STACKED[kind]}",
            }
            for kind, n in zip(_STACKED, numbers, strict=True)
        ]
        begin = timezone.localtime(part.begin)
        label = f"{begin:%d %b}" if self.window.by_day else f"{begin:%H:%M}"
        return Column(label, _part_words(self.window, part), stacks)

    def _ending(self, kind: kinds.AS, ending: measures.Ending, n: int, highest: int) -> dict[str, Any]:
        return {
            "words": wording_of_endings.label(ending.code, ending.category, ending.who),
            "kind": kind.value,
            "title": wording_of_endings.title(ending.category, ending.who),
            "tone": wording_of_endings.tone(ending.category),
            "count": n,
            "percent": round(100 * n / highest),
            "url": self.links.of(ending.name, kind, self.window, self.scope),
        }

    def _line(self, label: str, tally: Tally, window: Window, scope: Scope) -> Line:
        cells = [self._figure(BY_NAME[name], tally, window, scope) for name in COLUMNS]
        return Line(label, cells, self._narrowed(window, scope), window, scope)

    def _narrowed(self, window: Window, scope: Scope) -> dict[str, str]:
        """Say what the address of a report of these calls alone has; nothing, where none asks for just these.

        Nor where it would name a hidden number.
        """
        if scope.without_application or (scope.number and not self.links.may_name_numbers):
            return {}
        asked = {"app": scope.connection_id, "number": scope.number}
        asked |= {"account": self.links.accounts.get(scope.account_id, "")} if scope.account_id else {}
        if window != self.window:
            ends = {"from": window.begin, "to": window.end}
            asked |= {name: timezone.localtime(at).isoformat(timespec="minutes") for name, at in ends.items()}
            asked["window"] = ""
        return {**asked, "by": "time"}

    def _names(self, by: str, keys: list[Any], user: Any) -> list[tuple[str, Scope]]:
        """Return what each line is called, and what it is about."""
        account, application, number = self.scope.account_id, self.scope.connection_id, self.scope.number
        if by == "account":
            return [(self.links.accounts.get(key, "?"), Scope(key, application, number)) for key in keys]
        if by == "number":
            return [(_number(key[1], user), Scope(account or key[0], application, key[1])) for key in keys]
        names = search.application_names(set(keys))
        flows = _flows(keys) if by == "flow" else {}
        return [
            (
                (flows.get(key, "No flow now") + " · " if by == "flow" else "") + (names.get(key) or key[1] or "None"),
                Scope(key[0], key[1], number, without_application=not key[1]),
            )
            for key in keys
        ]


def columns() -> list[Metric]:
    """Return what the columns of a table are."""
    return [BY_NAME[name] for name in COLUMNS]


def read(window: Window, scope: Scope, links: Links) -> Report:
    """Read what a report of this window needs: one statement."""
    earlier = Window(window.before.begin - LONGEST, window.end)
    return Report(window, scope, links, figures.rows(earlier, scope))


_PEAK = "peak"
_ROUND = (10, 12, 14, 16, 20, 24, 30, 40, 50, 60, 80)
_STACKED = {kinds.AS.INCOMING: "incoming", kinds.AS.OUTGOING: "dialled", kinds.AS.TRANSFERRED: "of transfers"}
_KEYS: dict[str, Callable[[Row], Hashable]] = {
    "application": lambda row: (row.account_id, row.connection_id),
    "flow": lambda row: (row.account_id, row.connection_id),
    "account": lambda row: row.account_id,
}


def _flows(keys: list[tuple[Any, str]]) -> dict[tuple[Any, str], str]:
    active = Flow.objects.filter(active=True, connection_id__in={key[1] for key in keys})
    return {(row.account_id, row.connection_id): row.name for row in active}


def _number(number: str, user: Any) -> str:
    return pretty(display_number(number, user))


def _part_words(window: Window, part: Window) -> str:
    begin, end = timezone.localtime(part.begin), timezone.localtime(part.end)
    return f"{begin:%a %Y-%m-%d}" if window.by_day else f"{begin:%a %H:%M}–{end:%H:%M}"


def _round_up(most: int) -> int:
    """Return a number not far above that has a round half, too."""
    step = 1
    while True:
        for factor in _ROUND:
            if step * factor >= most and step * factor % 2 == 0:
                return step * factor
        step *= 10
