"""Writes the figures of a report as CSV: a line for each, with what it was before, its unit and its definition."""

from collections.abc import Iterator

from portal import csv_lines
from voice.reports.definitions.catalogue import NAMES_OF_KINDS
from voice.reports.definitions.metric import Form, Metric
from voice.reports.report import Report

_HEAD = ("figure", "title", "of", "unit", "value", "before", "from", "to", "definition")
_UNITS = {
    Form.COUNT: "count",
    Form.SHARE: "share of 1",
    Form.RATIO: "share of 1",
    Form.MEAN: "seconds",
    Form.PERCENTILE: "seconds",
    Form.MINUTES: "minutes",
}


def lines(found: Report) -> Iterator[str]:
    """Write all figures, as numbers and not as words; one of which there is nothing to make has an empty cell."""
    begin, end = (at.isoformat().replace("+00:00", "Z") for at in (found.window.begin, found.window.end))
    yield csv_lines.line(_HEAD)
    for _, figures in found.groups():
        for metric in (figure.metric for figure in figures):
            told = [_number(tally.value(metric)) for tally in (found.total, found.before)]
            of = NAMES_OF_KINDS[metric.counted_as]
            yield csv_lines.line([metric.name, metric.title, of, _unit(metric), *told, begin, end, metric.definition])


def _unit(metric: Metric) -> str:
    """Name the unit; of money its currency, empty where Telnyx named none."""
    if metric.form in _UNITS:
        return _UNITS[metric.form]
    return f"{metric.currency} a minute".strip() if metric.form == Form.PRICE else metric.currency


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.9g}"
