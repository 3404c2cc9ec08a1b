"""What is counted by the quarter of an hour is what counting the calls gives, after whatever became of them."""

from collections import Counter
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.counted_calls import BEGIN, count_all, make_calls, plainly
from tests.support.events import tell
from tests.support.factories import make_event
from voice.explanations import judging
from voice.metrics import kinds, measures, quarters
from voice.models import Call, RollUp, StaleQuarter
from voice.reports import figures, roll_ups
from voice.reports.windows import Window

pytestmark = pytest.mark.django_db
DAY = Window(BEGIN, BEGIN + timedelta(days=1))
BESIDE = {"told", "recovered", "sent_again", "answered_by_rule"}


@pytest.mark.parametrize("seed", range(3))
def test_every_measure_comes_to_what_the_calls_come_to(account: TelnyxAccount, seed: int) -> None:
    calls = make_calls(account, 400, seed)
    count_all()
    found = figures.tally(figures.rows(DAY, figures.Scope()))
    for counted_as in ("", *kinds.AS.values):
        for name in measures.MEASURES.keys() - BESIDE - {"put_through", "abandoned"}:
            expected = plainly(calls, counted_as, name)
            assert found.of(counted_as).get(name, 0) == expected, (counted_as, name)
            listed = Call.objects.filter(measures.calls_of(name, counted_as))
            if not measures.MEASURES[name].sums:
                assert measures.in_window(listed, DAY.begin, DAY.end).count() == expected, (counted_as, name)
        ended = Counter((one.ending, one.ending_category, one.ended_by) for one in calls if _is_of(one, counted_as))
        told = measures.endings(found.of(counted_as))
        assert {(one.code, one.category, one.who): n for one, n in told.items()} == ended
    assert found.of("incoming")["abandoned"] > 0
    assert found.of("outgoing")["delivered"] > 0


def _is_of(call: Call, counted_as: str) -> bool:
    return bool(call.counted_as) and counted_as in {"", call.counted_as}


def test_numbers_and_applications_are_counted_apart(account: TelnyxAccount) -> None:
    calls = make_calls(account, 300)
    count_all()
    number, connection = "+13125550199", calls[0].connection_id
    mine = [call for call in calls if (call.to_number if call.direction == "incoming" else call.from_number) == number]
    found = figures.tally(figures.rows(DAY, figures.Scope(number=number)))
    assert found.of("incoming")["calls"] == plainly(mine, "incoming", "calls") > 0
    assert found.of("outgoing")["calls"] == plainly(mine, "outgoing", "calls") > 0
    assert not found.of("transferred")  # the number of a leg of a transfer may be a customer's
    of_one = figures.tallies(figures.rows(DAY, figures.Scope()), lambda row: row.connection_id)
    its = [call for call in calls if call.connection_id == connection]
    assert of_one[connection].of("")["calls"] == plainly(its, "", "calls")


def test_a_call_is_counted_when_it_is_over_and_again_when_something_comes_late(account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-5), make_event("call.answered", -4))
    judging.judge_due()
    assert not StaleQuarter.objects.exists()
    tell(account, make_event("call.hangup", -1))
    judging.judge_due()
    count_all()
    call = Call.objects.get(account=account)
    assert (call.counted_as, call.counted_in) == ("incoming", quarters.of_time(call.started_at))
    (row,) = RollUp.objects.filter(number="")
    assert (row.counts["answered"], row.counts.get("put_through")) == (1, None)
    tell(account, make_event("call.bridged", -3))
    judging.judge_due()
    count_all()
    (row,) = RollUp.objects.filter(number="")
    assert row.counts["put_through"] == 1


def test_a_call_that_turns_out_to_have_begun_earlier_leaves_the_quarter_it_was_counted_in(
    account: TelnyxAccount,
) -> None:
    tell(account, make_event("call.hangup", -1, direction="incoming"))
    judging.judge_due()
    count_all()
    early = Call.objects.get(account=account).started_at - timedelta(hours=1)
    event = make_event("call.initiated", -5, start_time=early.isoformat())
    tell(account, event)
    judging.judge_due()
    count_all()
    assert [row.quarter for row in RollUp.objects.filter(number="")] == [quarters.of_time(early)]


def test_one_that_was_taken_for_lost_and_lives_is_counted_no_more(account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-5), make_event("call.hangup", -3))
    judging.judge_due()
    count_all()
    assert RollUp.objects.exists()
    call = Call.objects.get(account=account)
    Call.objects.filter(pk=call.pk).update(state="answered", ended_at=None, judge_at=call.started_at)
    judging.judge_due()
    count_all()
    call.refresh_from_db()
    assert (call.counted_as, call.counted_in) == ("", None)
    assert not RollUp.objects.exists()


def test_a_quarter_waits_until_it_has_settled_and_is_counted_once(account: TelnyxAccount) -> None:
    make_calls(account, 1)
    assert not roll_ups.is_due()
    assert roll_ups.count_due() == 0
    (quarter,) = StaleQuarter.objects.values_list("quarter", flat=True)
    assert roll_ups.count(quarter)
    assert not roll_ups.count(quarter)


def test_marking_again_keeps_since_when_it_waits(account: TelnyxAccount) -> None:
    quarters.mark([BEGIN])
    before = StaleQuarter.objects.get()
    quarters.mark([BEGIN, None])
    after = StaleQuarter.objects.get()
    assert before.marked_at == after.marked_at
    quarters.mark([])
    assert StaleQuarter.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_sweep_counts_what_has_settled(account: TelnyxAccount) -> None:
    make_calls(account, 20)
    StaleQuarter.objects.update(marked_at=timezone.now() - roll_ups.SETTLE * 2)
    call_command("sweep", "--once")
    assert not StaleQuarter.objects.exists()
    assert figures.tally(figures.rows(DAY, figures.Scope())).of("")["calls"] > 10
