"""Defines what a figure is, and how it is made of its measures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from voice.metrics.conditions import NO_CURRENCY
from voice.metrics.histograms import Histogram


class Form(Enum):
    """Says how a figure is made of its measures."""

    COUNT = "count"
    SHARE = "share"  # of ``among``
    RATIO = "ratio"  # ``sum_of`` ÷ ``over``: a share of what is added up, not of calls
    MEAN = "mean"  # seconds: ``sum_of`` ÷ ``of``
    PERCENTILE = "percentile"  # seconds
    MINUTES = "minutes"  # of ``sum_of``
    AMOUNT = "amount"  # of money: ``sum_of``
    PRICE = "price"  # per minute: ``sum_of`` ÷ ``over``


# what a figure's measures are told in, of what it is told in: microseconds of minutes, millionths of a currency
_UNITS = {Form.COUNT: 1, Form.MINUTES: 60e6, Form.MEAN: 1e6, Form.AMOUNT: 1e6, Form.PRICE: 1 / 60}


@dataclass(frozen=True)
class Metric:
    """Defines one figure. It links to the calls that ``of`` counts, of the kind ``counted_as``; else of all kinds.

    One that ``is_of_a_currency`` is told for each currency apart: amounts of two are never added.
    """

    name: str
    title: str
    definition: str
    counted_as: str
    of: str
    form: Form = Form.COUNT
    among: str = ""
    sum_of: str = ""
    over: str = ""
    histogram: Histogram | None = None
    share: float = 0
    more_is: str = ""  # "good" or "bad": how a change is coloured
    group: str = ""  # under which heading it stands; empty: under that of its calls
    is_of_a_currency: bool = False
    currency: str = ""  # of one of these, where Telnyx names one

    def value(self, counts: Mapping[str, int]) -> float | None:
        """Return the figure; None where there is nothing to make it of."""
        if self.form == Form.PERCENTILE:
            return self.histogram.percentile(counts, self.share) if self.histogram else None
        whole_name = {Form.SHARE: self.among, Form.RATIO: self.over, Form.PRICE: self.over}.get(self.form, self.of)
        part, whole = counts.get(self.sum_of or self.of, 0), counts.get(whole_name, 0)
        if self.form in {Form.COUNT, Form.MINUTES}:
            return part / _UNITS[self.form]
        return part / _UNITS.get(self.form, 1) / (1 if self.form == Form.AMOUNT else whole) if whole else None

    def in_currency(self, key: str) -> "Metric":
        """Return this figure of the amounts in one currency."""
        currency = "" if key == NO_CURRENCY else key.upper()
        told: dict[str, Any] = {
            name: f"{value}:{key}" for name in ("of", "sum_of", "over") if (value := getattr(self, name))
        }
        return replace(
            self,
            name=f"{self.name}_{key}",
            title=f"{self.title}, {currency or 'currency not told'}",
            currency=currency,
            **told,
        )
