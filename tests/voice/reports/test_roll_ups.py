"""What is counted by the quarter of an hour is what counting the calls gives, after whatever became of them."""

import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DataError
from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.conferences import room_event
from tests.support.counted_calls import BEGIN, count_all, make_calls, plainly
from tests.support.events import tell
from tests.support.factories import make_event, run_owed
from tests.support.rows import ConferenceParticipant as Participant
from tests.support.texml import form
from tests.support.webhooks import post_texml
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


def _came(seconds: float, leg: str, event_type: str = "joined") -> dict[str, Any]:
    """Each leg is of a session of its own."""
    session = str(uuid.uuid5(uuid.NAMESPACE_URL, leg))
    return room_event(f"conference.participant.{event_type}", seconds, leg, call_session_id=session)


@pytest.mark.parametrize(
    ("late", "put_through"),
    [
        ([(-40, "joined")], [1]),
        ([(-21, "joined"), (-20, "left")], [1, 1]),
        ([(-20, "joined")], [0]),  # the moment the other one left
        ([(-70, "joined"), (-55, "left")], [1, 0]),  # it had left before
        ([(-45, "joined"), (-5, "joined")], [1, 0]),  # of two stays the last is kept
        ([(-70, "left"), (-40, "joined")], [0, 1]),
    ],
)
def test_who_was_with_somebody_of_another_session_is_counted_so_however_late_that_is_told(
    account: TelnyxAccount, late: list[tuple[float, str]], put_through: list[int]
) -> None:
    tell(account, make_event(seconds=-61), make_event("call.answered", -60), _came(-50, "a"), _came(-20, "a", "left"))
    tell(account, make_event("call.hangup", -19))
    judging.judge_due()
    count_all()
    assert _put_through() == 0
    for (seconds, event_type), expected in zip(late, put_through, strict=True):
        tell(account, _came(seconds, "b", event_type))
        judging.judge_due()
        count_all()
        assert _put_through() == expected
    assert not roll_ups.is_due(timedelta())


def _put_through() -> int:
    """How many are counted as put through, which is what the list of these has."""
    counted = figures.tally(RollUp.objects.filter(number="")).of("").get("put_through", 0)
    assert Call.objects.filter(measures.calls_of("put_through")).count() == counted
    return counted


def _callback(seconds: float, leg: str, **told: str) -> bytes:
    at = timezone.now() + timedelta(seconds=seconds)
    return form(CallSid=f"v3:{leg}", ConnectionId="77", Timestamp=at.isoformat(), **told)


_DIALLED, _QUEUED = {"leg": "b", "ParentCallSid": "v3:a"}, {"leg": "a", "QueueSid": "sales", "QueueTime": "9"}
_VERB = {"leg": "a", "DialCallDuration": "9"}
_OVER = {"CallStatus": "completed", "HangupCause": "normal_clearing", "HangupSource": "caller"}


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize(
    ("between", "put_through"),
    [
        ([], 0),
        ([_DIALLED | {"CallStatus": "no-answer"}], 0),
        ([_DIALLED | {"CallStatus": "in-progress"}, _DIALLED | _OVER], 1),
        ([_VERB | {"DialCallSid": "v3:b", "DialCallStatus": "busy"}], 0),
        ([_VERB | {"DialCallSid": "v3:b", "DialCallStatus": "completed"}], 1),  # without callbacks of that leg
        ([_VERB | {"DialCallStatus": "completed"}], 0),  # of a conference: whether anybody was in it, it does not say
        ([_QUEUED | {"QueueResult": "leave"}], 0),
        ([_QUEUED | {"QueueResult": "bridged"}], 1),
    ],
)
def test_a_caller_whom_a_texml_document_put_through_is_so_counted_and_not_as_abandoned(
    account: TelnyxAccount, between: list[dict[str, str]], put_through: int, is_late: bool
) -> None:
    told = [_callback(20 * at - 50, **one) for at, one in enumerate(between)]
    begun = _callback(-1200, "a", CallStatus="in-progress", Direction="inbound")  # in a quarter before that of the rest
    ended = _callback(-1, "a", **_OVER)
    for callbacks in [[begun, ended], told] if is_late else [[begun, *told, ended]]:
        for one in callbacks:
            assert post_texml(Client(), account, one).status_code == 200
        run_owed()
        judging.judge_due()
        count_all()
    assert _put_through() == put_through
    (row,) = RollUp.objects.filter(number="", counted_as="incoming")
    assert row.counts.get("abandoned", 0) == 1 - put_through


def test_a_seat_that_changes_while_it_is_looked_at_is_looked_at_again(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(account, _came(-40, "b"))

    def meanwhile(concerned: Any) -> None:
        Participant.objects.update(recount_after=BEGIN)

    with monkeypatch.context() as patched:
        patched.setattr(quarters, "mark", meanwhile)
        assert roll_ups.mark_conferences() == 1
    assert Participant.objects.get().recount_after == BEGIN


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


def test_a_defect_with_one_quarter_puts_off_that_one_only(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_calls(account, 20)
    first, *others = StaleQuarter.objects.order_by("marked_at").values_list("quarter", flat=True)
    counted = roll_ups.count

    def broken(quarter: Any) -> bool:
        if quarter == first:
            raise DataError("value too long for type character varying(255)")
        return counted(quarter)

    monkeypatch.setattr(roll_ups, "count", broken)
    monkeypatch.setattr(roll_ups, "_PIECE_SECONDS", 600)
    assert roll_ups.count_due(timedelta()) == len(others)
    assert StaleQuarter.objects.get().quarter == first
    assert not roll_ups.is_due(timedelta())
    assert StaleQuarter.objects.get().marked_at > timezone.now() + timedelta(minutes=50)


@pytest.mark.django_db(transaction=True)
def test_the_sweep_counts_what_has_settled(account: TelnyxAccount) -> None:
    make_calls(account, 20)
    StaleQuarter.objects.update(marked_at=timezone.now() - roll_ups.SETTLE * 2)
    call_command("sweep", "--once")
    assert not StaleQuarter.objects.exists()
    assert figures.tally(figures.rows(DAY, figures.Scope())).of("")["calls"] > 10
