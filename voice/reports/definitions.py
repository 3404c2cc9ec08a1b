"""Defines the figures: what each is called, what it means in a sentence, and of which measures it is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from voice.metrics.histograms import SETUP, TALK, Histogram
from voice.metrics.kinds import AS
from voice.metrics.measures import EARLY_SECONDS, SHORT_SECONDS


class Form(Enum):
    """Says how a figure is made of its measures."""

    COUNT = "count"
    SHARE = "share"  # of ``among``
    MEAN = "mean"  # seconds: ``sum_of`` ÷ ``of``
    PERCENTILE = "percentile"  # seconds
    MINUTES = "minutes"  # of ``sum_of``
    PRICE = "price"  # per minute


@dataclass(frozen=True)
class Metric:
    """Defines one figure. It links to the calls that ``of`` counts, of the kind ``counted_as``; else of all kinds."""

    name: str
    title: str
    definition: str
    counted_as: str
    of: str
    form: Form = Form.COUNT
    among: str = ""
    sum_of: str = ""
    histogram: Histogram | None = None
    share: float = 0
    more_is: str = ""  # "good" or "bad": how a change is coloured

    def value(self, counts: Mapping[str, int]) -> float | None:
        """Return the figure; None where there is nothing to make it of."""
        of, among = counts.get(self.of, 0), counts.get(self.among, 0)
        if self.form == Form.COUNT:
            return of
        if self.form == Form.SHARE:
            return of / among if among else None
        if self.form == Form.PERCENTILE and self.histogram:
            return self.histogram.percentile(counts, self.share)
        amount = counts.get(self.sum_of, 0)
        if self.form == Form.MINUTES:
            return amount / 60e6
        if self.form == Form.PRICE:  # millionths of the currency over microseconds
            return amount * 60 / counts["priced_us"] if counts.get("priced_us") else None
        return amount / 1e6 / of if of else None


_IN, _OUT = AS.INCOMING.value, AS.OUTGOING.value
METRICS: tuple[Metric, ...] = (
    Metric(
        "incoming",
        "Incoming calls",
        "Sessions whose first leg came in, and that are over. A session is counted once, however many legs it has.",
        _IN,
        "calls",
    ),
    Metric(
        "incoming_answered",
        "Answered",
        "Incoming calls that were answered ÷ incoming calls. Answered: Telnyx told of an answer, or of a bridge, "
        "which proves one. A flow that answers by itself brings it to 100 %: look at Put through beside it.",
        _IN,
        "answered",
        Form.SHARE,
        "calls",
        more_is="good",
    ),
    Metric(
        "put_through",
        "Put through",
        "Incoming calls that were bridged with another leg, also out of a queue ÷ incoming calls. A conference is no "
        "bridge.",
        _IN,
        "put_through",
        Form.SHARE,
        "calls",
        more_is="good",
    ),
    Metric(
        "abandoned",
        "Abandoned",
        "Incoming calls that the caller ended before being put through: while it rang, in a menu, in a queue ÷ "
        "incoming calls. Of a call that a flow or an assistant serves to its end this is no failure.",
        _IN,
        "abandoned",
        Form.SHARE,
        "calls",
        more_is="bad",
    ),
    Metric(
        "abandoned_early",
        f"Abandoned within {EARLY_SECONDS} s",
        f"Of the abandoned calls those that lasted less than {EARLY_SECONDS} seconds, ringing and all.",
        _IN,
        "abandoned_early",
    ),
    Metric(
        "incoming_wait",
        "Wait for an answer",
        "How long half of the answered incoming calls waited at most, from their beginning to the answer.",
        _IN,
        "set_up",
        Form.PERCENTILE,
        histogram=SETUP,
        share=0.5,
        more_is="bad",
    ),
    Metric(
        "attempts",
        "Dialled calls",
        "Legs that were dialled, by a person, a flow, a batch or another program, and that are over. Legs of transfers "
        "are a group of their own. Dials that Telnyx refused, or that were never sent, are no attempts.",
        _OUT,
        "calls",
    ),
    Metric(
        "asr",
        "Answer-seizure ratio",
        "Dialled calls that were answered ÷ dialled calls. Busy, nobody answering and our own giving up count against "
        "it. A machine that answers is an answer.",
        _OUT,
        "answered",
        Form.SHARE,
        "calls",
        more_is="good",
    ),
    Metric(
        "ner",
        "Network effectiveness",
        "Dialled calls that were answered, busy, not answered, or declined by a person ÷ dialled calls, without those "
        "that our side gave up or that were set up wrongly. It tells the network from the people.",
        _OUT,
        "delivered",
        Form.SHARE,
        "network",
        more_is="good",
    ),
    Metric(
        "cancelled",
        "Given up by us",
        "Dialled calls that our side ended before an answer.",
        _OUT,
        "cancelled",
    ),
    Metric(
        "setup_p50",
        "Set-up, half",
        "How long half of the answered dialled calls took at most, from their beginning to the answer. Ringing is part "
        "of it: Telnyx's Call Control tells of no post-dial delay.",
        _OUT,
        "set_up",
        Form.PERCENTILE,
        histogram=SETUP,
        share=0.5,
        more_is="bad",
    ),
    Metric(
        "setup_p95",
        "Set-up, 95 %",
        "How long 95 % of the answered dialled calls took at most, from their beginning to the answer.",
        _OUT,
        "set_up",
        Form.PERCENTILE,
        histogram=SETUP,
        share=0.95,
        more_is="bad",
    ),
    Metric(
        "transferred",
        "Legs of transfers",
        "Legs that a transfer or a TeXML document made, and that are over. They are in no figure of dialled calls.",
        AS.TRANSFERRED.value,
        "calls",
    ),
    Metric(
        "minutes",
        "Minutes talked",
        "Time from the answer to the end of all answered legs, incoming, dialled and of transfers. Two legs of one "
        "call both count. Lost calls are left out, since nobody knows their end. Telnyx bills by other rules.",
        "",
        "talked",
        Form.MINUTES,
        sum_of="talk_us",
    ),
    Metric(
        "acd",
        "Average call duration",
        "Time from the answer to the end ÷ answered legs, incoming, dialled and of transfers; lost calls left out.",
        "",
        "talked",
        Form.MEAN,
        sum_of="talk_us",
    ),
    Metric(
        "talk_p50",
        "Talk, half",
        "How long half of the answered calls were talked on at most.",
        "",
        "talked",
        Form.PERCENTILE,
        histogram=TALK,
        share=0.5,
    ),
    Metric(
        "talk_p95",
        "Talk, 95 %",
        "How long 95 % of the answered calls were talked on at most.",
        "",
        "talked",
        Form.PERCENTILE,
        histogram=TALK,
        share=0.95,
    ),
    Metric(
        "short",
        "Short calls",
        f"Answered calls that were over within {SHORT_SECONDS} seconds of the answer ÷ answered calls with a length.",
        "",
        "short",
        Form.SHARE,
        "talked",
        more_is="bad",
    ),
    Metric(
        "our_side",
        "Failed at our side",
        "Legs whose ending is of the category “Our side failed” ÷ all legs that are over.",
        "",
        "category:our_side",
        Form.SHARE,
        "calls",
        more_is="bad",
    ),
    Metric(
        "lost",
        "Lost",
        "Legs whose end was never reported: Telnyx was asked, and did not know them any more.",
        "",
        "lost",
        more_is="bad",
    ),
    Metric(
        "price",
        "Cost of a minute",
        "What Telnyx reported as the cost of answered legs ÷ the minutes talked on those legs. Legs without a reported "
        "cost are in neither: how many have one is told by Cost known. Amounts of several currencies would be added: "
        "narrow the report to accounts of one.",
        "",
        "priced",
        Form.PRICE,
        sum_of="cost_millionths",
        more_is="bad",
    ),
    Metric(
        "price_coverage",
        "Cost known",
        "Answered legs with a cost reported by Telnyx ÷ answered legs with a length.",
        "",
        "priced",
        Form.SHARE,
        "talked",
    ),
)
NAMES_OF_KINDS = {_IN: "incoming", _OUT: "dialled", AS.TRANSFERRED.value: "transfers", "": "all legs"}
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
GENERAL = (
    "Every figure counts calls that are over and judged: a running call is in none, and is counted within half a "
    "minute of its end. A call belongs to the quarter of an hour in which it began; a window takes in its beginning, "
    "and not its end. Percentiles are exact to the steps of a fixed scale."
)
