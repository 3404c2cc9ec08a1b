"""Writes figures for reading: counts, shares, lengths of time, prices, and how they changed."""

from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma

from portal.templatetags.portal import seconds
from voice.reports.definitions.metric import Form, Metric

NOTHING = "–"


def figure(metric: Metric, value: float | None) -> str:
    """Write a figure; a dash where there is nothing to make one of."""
    if value is None:
        return NOTHING
    if metric.form in {Form.SHARE, Form.RATIO}:
        return share(value)
    if metric.form in {Form.AMOUNT, Form.PRICE}:
        return _money(value, 2 if metric.form == Form.AMOUNT else 4)
    if metric.form in {Form.COUNT, Form.MINUTES}:
        return "< 1" if value and not round(value) else str(intcomma(round(value)))
    return seconds(value)


def _money(value: float, digits: int) -> str:
    """Write an amount, one below a whole with four digits: a call costs parts of a cent, and not nothing."""
    if 0 < value < 0.0001:
        return "< 0.0001"
    return f"{value:,.{4 if 0 < value < 1 else digits}f}"


def share(value: float) -> str:
    """Write a share in percent. What is not all, or not nothing, is not rounded to it."""
    percent = 100 * value
    if 0 < percent < 0.1 or 99.9 < percent < 100:
        return "< 0.1\u00a0%" if percent < 1 else "> 99.9\u00a0%"
    return f"{percent:.1f}\u00a0%" if percent % 100 else f"{percent:.0f}\u00a0%"


def change(metric: Metric, now: float | None, before: float | None) -> dict[str, Any]:
    """Say how a figure changed since the window before: by how much, in which direction, and whether that is good."""
    if now is None or before is None:
        return {"words": "", "sign": "", "tone": ""}
    if now == before:
        return {"words": "as before", "sign": "", "tone": ""}
    is_more = now > before
    tone = ("good" if is_more == (metric.more_is == "good") else "bad") if metric.more_is else "plain"
    return {"words": _difference(metric, now, before), "sign": "▲" if is_more else "▼", "tone": tone}


def _difference(metric: Metric, now: float, before: float) -> str:
    if metric.form in {Form.SHARE, Form.RATIO}:
        return f"{abs(now - before) * 100:.1f} points"
    if metric.form in {Form.MEAN, Form.PERCENTILE}:
        return seconds(abs(now - before))
    if not before:
        return "from none"
    return f"{now / before:,.0f} times" if now >= 10 * before else f"{abs(now - before) / before:.0%}"
