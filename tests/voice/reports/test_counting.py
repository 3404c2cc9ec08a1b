"""What lies beside calls is counted with them, as row by row: events, answers, prices, minutes, dials."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from portal.models import TelnyxAccount
from tests.support.counted_beside import counts_beside, legs_beside, make_beside, make_dials
from tests.support.counted_calls import BEGIN, count_all, in_currency, make_calls, most_at_once
from tests.support.events import tell
from tests.support.factories import make_event
from voice.explanations import judging
from voice.metrics import kinds, measures, quarters
from voice.metrics.histograms import DELAY, PATH
from voice.models import Call, CallCommand, RollUp, StaleQuarter
from voice.reports import counting, figures, links, report, roll_ups
from voice.reports.figures import Scope, Tally
from voice.reports.windows import Window

pytestmark = pytest.mark.django_db
DAY = Window(BEGIN, BEGIN + timedelta(days=1))
_BESIDE = ("told", "recovered", "sent_again", "answered_by_rule", "put_through", "abandoned")


def total(scope: Scope | None = None) -> Tally:
    return figures.tally(figures.rows(DAY, scope or Scope()))


@pytest.mark.parametrize("seed", range(3))
def test_what_lies_beside_calls_comes_to_what_its_rows_come_to(account: TelnyxAccount, seed: int) -> None:
    beside = make_beside(account, make_calls(account, 300, seed), seed)
    count_all()
    found = total()
    steps = {step for histogram in (DELAY, *PATH.values()) for step in histogram.steps}
    for counted_as in ("", *kinds.AS.values):
        for name in _BESIDE:
            expected = legs_beside(beside, counted_as, name)
            assert found.of(counted_as).get(name, 0) == expected, (counted_as, name)
            assert Call.objects.filter(measures.calls_of(name, counted_as)).count() == expected, (counted_as, name)
        told = {name: n for name, n in found.of(counted_as).items() if name in {"webhooks", "webhooks_again", *steps}}
        assert told == counts_beside(beside, counted_as)
    assert all(legs_beside(beside, "", name) for name in _BESIDE)
    assert legs_beside(beside, "incoming", "put_through") > found.of("incoming")["calls"] // 10


@pytest.mark.parametrize("seed", range(3))
def test_amounts_of_two_currencies_are_never_added(account: TelnyxAccount, seed: int) -> None:
    calls = make_calls(account, 300, seed)
    count_all()
    found = total()
    for counted_as in ("", *kinds.AS.values):
        told = found.of(counted_as)
        of_money = Counter({name: n for name, n in told.items() if name.startswith(("priced:", "priced_us:", "cost_"))})
        assert of_money == in_currency(calls, counted_as)
        keys = measures.currencies(told)
        assert set(keys) == {"usd", "eur", "none"}
        assert sum(told[f"priced:{key}"] for key in keys) == told["priced"]
        for key in keys:
            asked = Call.objects.filter(measures.calls_of(f"priced:{key}", counted_as))
            assert asked.count() == told[f"priced:{key}"]
    told_links = links.Links({account.pk: account.name}, may_name_numbers=True)
    titles = {one.metric.title for one in report.read(DAY, Scope(), told_links).figures(["cost", "price"])}
    assert {"Cost, USD", "Cost, EUR", "Cost, currency not told", "Cost of a minute, EUR"} <= titles


@pytest.mark.parametrize("seed", range(4))
def test_the_busiest_minute_is_that_of_the_calls(account: TelnyxAccount, seed: int) -> None:
    calls = make_calls(account, 120, seed, hours=3 + seed)
    count_all()
    edges = [BEGIN + timedelta(minutes=at) for at in (-60, 0, 45, 60, 150, 300, 480, 720)]
    for begin, end in pairwise(edges):
        window = Window(begin, end)
        lead = Window(begin - timedelta(hours=6), end)
        most, minute = figures.busiest_minute(figures.rows(lead, Scope()), window)
        assert most == most_at_once(calls, begin, end), (begin, end)
        if minute is not None:
            assert begin <= minute < end
            on_the_line = Call.objects.filter(measures.calls_of(measures.of_minute(minute)))
            assert on_the_line.count() == most
    assert figures.busiest_minute([], DAY) == (0, None)


def test_dials_of_which_no_call_came_stand_beside(account: TelnyxAccount) -> None:
    calls, dials = make_calls(account, 50), make_dials(account, 200)
    assert roll_ups.is_due()
    count_all()
    asked = [one for one in dials if one.action in {"dial", "texml.calls.dial"}]
    for scope in (Scope(), Scope(account.pk, "1293384261075731499"), Scope(number="+13125550199")):
        told = total(scope).of("outgoing")
        for status, name in counting.NEVER_PLACED.items():
            assert told[name] == sum(one.status == status for one in asked) > 10
    assert total().of("")["calls"] == sum(call.counted_as != "" for call in calls)
    assert not CallCommand.objects.filter(status__in=("refused", "expired"), reported_at=None).exists()


def test_a_dial_that_is_refused_later_has_its_quarter_counted_anew(account: TelnyxAccount) -> None:
    (dial,) = make_dials(account, 1)
    mine = CallCommand.objects.filter(pk=dial.pk)
    mine.update(action="dial", path=[], status="uncertain")
    count_all()
    assert not roll_ups.is_due()
    assert not RollUp.objects.exists()
    mine.update(status="refused")
    assert roll_ups.is_due()
    count_all()
    assert total().of("outgoing")["refused_dials"] == 1
    assert not roll_ups.is_due()
    assert not StaleQuarter.objects.exists()
    assert RollUp.objects.filter(number="").get().quarter == quarters.of_time(dial.created_at)


def test_a_webhook_that_comes_late_is_counted_though_it_tells_nothing_new(account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-5), make_event("call.answered", -4), make_event("call.hangup", -1))
    judging.judge_due()
    count_all()
    assert RollUp.objects.get(number="").counts["webhooks"] == 3
    tell(account, make_event("call.playback.started", -3))
    judging.judge_due()
    count_all()
    assert RollUp.objects.get(number="").counts["webhooks"] == 4


def test_the_busiest_numbers_are_found_and_the_others_counted(account: TelnyxAccount) -> None:
    calls = make_calls(account, 200)
    count_all()
    numbers, more = figures.busiest(DAY, Scope(), 1)
    counted = Counter(
        number
        for call in calls
        if call.counted_as in {"incoming", "outgoing"}
        and (number := call.to_number if call.direction == "incoming" else call.from_number)
    )
    ((number, n), _) = counted.most_common()
    assert (numbers, more) == ([(account.pk, number)], 1)
    assert figures.of_numbers(DAY, Scope(), numbers)[account.pk, number].of("")["calls"] == n
    assert figures.busiest(DAY, Scope(), 2)[1] == 0
