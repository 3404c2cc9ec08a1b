"""Calls whose end did not come: found at Telnyx, or closed as lost, and never on half an answer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.factories import CONNECTION, FROM, TO, make_call, make_event, run_owed
from tests.support.recoveries import NONE_ALIVE, entry, listed, listing, looked, recover, undelivered
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.sandbox_ledger import wire
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.calls import status as call_status
from voice.commands import outbox
from voice.recovery import backfill, open_calls, runs

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]

NOTHING = listed([])
GONE = "404 Not Found"
OLD = {"started_at": ago(3600), "answered_at": ago(3500)}


def status(**told: Any) -> dict[str, Any]:
    return {"data": told}


def test_a_call_that_telnyx_forgot_and_whose_end_is_nowhere_is_lost(account: TelnyxAccount) -> None:
    call = make_call(account, **OLD)
    record = looked(account, calls=GONE)
    assert (record.state, record.calls_lost) == ("done", 1)
    seen = Call.objects.get()
    assert (seen.state, seen.ended_at, seen.is_alive) == ("lost", call.started_at, False)
    assert looked(account, calls=GONE).calls_lost == 0


def test_the_end_that_telnyx_tells_is_the_end_of_a_lost_call(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    told = status(is_alive=False, end_time="2026-01-02T03:04:05Z")
    assert looked(account, calls=told).calls_lost == 1
    seen = Call.objects.get()
    assert seen.ended_at
    assert (seen.state, seen.ended_at.isoformat()) == ("lost", "2026-01-02T03:04:05+00:00")


@pytest.mark.parametrize(
    ("answers", "well"),
    [
        ({"calls": status(is_alive=True)}, True),
        ({"calls": status(call_control_id="v3:a-leg")}, True),  # it does not say
        ({"calls": {"data": None}}, False),
        ({"calls": {"data": [1]}}, False),
        ({"calls": "200 OK"}, False),
        ({"calls": "500 Oops"}, False),
        ({"calls": "429 Slow down"}, False),
        ({"calls": "401 No"}, False),
        ({"calls": "422 No"}, False),
        ({"calls": GONE, "call_events": "500 Oops"}, False),
        ({"calls": GONE, "call_events": "422 No"}, False),
        ({"calls": GONE, "call_events": {"data": [{}] * 250, "meta": {"total_pages": 9}}}, True),  # not read whole
        ({"calls": GONE, "call_events": {"data": "oops"}}, True),
        ({"calls": status(is_alive=False, end_time=None), "call_events": {}}, True),
        ({"calls": GONE, "active_calls": "500 Oops"}, False),
        ({"calls": GONE, "active_calls": {"data": []}}, False),  # an empty list alone does not say that nothing lives
        ({"calls": GONE, "active_calls": {"data": [], "meta": {"total_items": 1}}}, False),
        ({"calls": GONE, "active_calls": {"data": [], "meta": {"total_items": 0, "next": "/more"}}}, False),
    ],
)
def test_half_an_answer_loses_no_call(account: TelnyxAccount, answers: Any, well: bool) -> None:
    make_call(account, **OLD)
    record = looked(account, **answers)
    assert (record.state, bool(record.problem)) == ("done", not well)  # the deliveries were read whole
    assert Call.objects.get().state == "answered"


@pytest.mark.parametrize("said", ["422 No", "500 Oops", {"data": None}])
def test_calls_telnyx_will_not_tell_about_keep_no_other_from_its_end(account: TelnyxAccount, said: Any) -> None:
    for at in range(7):
        make_call(account, f"odd-{at}", started_at=ago(9000 + at))
    make_call(account, "b", **OLD)
    record = looked(account, calls=lambda path: GONE if "b-leg" in path else said)
    assert (record.state, record.calls_lost) == ("done", 1)
    assert "nothing was missing" not in record.result
    assert record.problem in record.result
    assert runs.watermark(account) == record.until
    assert Call.objects.get(state="lost").call_control_id == "v3:b-leg"


def test_when_too_many_cannot_be_asked_the_next_runs_begin_with_others(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_calls, "_MOST_PROBLEMS", 1)
    make_call(account, "odd", started_at=ago(9000))
    make_call(account, "b", **OLD)
    for _ in range(40):  # each begins with either
        if looked(account, calls=lambda path: GONE if "b-leg" in path else "422 No").calls_lost:
            return
    raise AssertionError("The older call was asked for first, always.")


@pytest.mark.parametrize("code", ["90015", "90018"])
@pytest.mark.parametrize(("seconds", "state"), [(400, "answered"), (700, "lost")])
def test_telnyxs_word_that_a_call_has_ended_is_as_good_as_not_knowing_it(
    account: TelnyxAccount, code: str, seconds: float, state: str
) -> None:
    heard(account, make_call(account, **OLD), seconds)
    body = {"errors": [{"code": code, "title": "Call has already ended"}]}
    record = looked(account, calls=("422 Unprocessable Entity", body))
    assert (record.state, record.problem, Call.objects.get().state) == ("done", "", state)


def test_an_application_whose_live_calls_are_not_told_keeps_no_other_from_its_end(account: TelnyxAccount) -> None:
    make_call(account, "a", **OLD)
    make_call(account, "b", **OLD, connection_id="77")
    alive = {"active_calls": lambda path: NONE_ALIVE if "/77/" in path else "422 No"}
    assert looked(account, calls=GONE, **alive).calls_lost == 1
    assert Call.objects.get(state="lost").connection_id == "77"


@pytest.mark.parametrize("of_a", ["200 OK", ("200 OK", b"<html>Busy</html>")])
def test_an_answer_that_cannot_be_read_loses_no_call_and_keeps_no_other_from_being_asked(
    account: TelnyxAccount, of_a: Any
) -> None:
    make_call(account, "a", **OLD)
    make_call(account, "b", **OLD)
    said = {"calls": lambda path: of_a if "v3%3Aa-leg" in path or "v3:a-leg" in path else GONE}
    with telnyx_says(account, webhook_deliveries=NOTHING, active_calls=NONE_ALIVE, call_events=NOTHING, **said):
        backfill.recover(account, PORTAL)
    assert dict(Call.objects.values_list("call_control_id", "state")) == {"v3:a-leg": "answered", "v3:b-leg": "lost"}


@pytest.mark.parametrize(("seconds", "state"), [(400, "answered"), (700, "lost")])
def test_a_call_telnyx_does_not_know_is_not_lost_within_ten_minutes(
    account: TelnyxAccount, seconds: float, state: str
) -> None:
    call = make_call(account, **OLD)
    heard(account, call, seconds)
    looked(account, calls=GONE)
    assert Call.objects.get().state == state


REFUSED = {"status": "failed", "telnyx_error": {"error_code": "D13"}}


@pytest.mark.parametrize(
    ("told", "is_heard", "state"), [(REFUSED, False, "lost"), (REFUSED, True, "initiated"), ({}, False, "initiated")]
)
def test_a_dial_accepted_and_refused_in_the_record_only_is_no_living_call(
    account: TelnyxAccount, told: dict[str, Any], is_heard: bool, state: str
) -> None:
    call = make_call(account, state="initiated", direction="outgoing", started_at=ago(200), answered_at=None)
    if is_heard:
        heard(account, call, 190)
    dial = outbox.dial(account, {"connection_id": call.connection_id, "from": FROM, "to": TO}, PORTAL)
    hang_up = outbox.act(call, "hangup", {}, PORTAL)
    CallCommand.objects.update(status="ok", call=call)
    record = looked(account, calls=GONE, call_events=listing(dialled(told)))
    assert (Call.objects.get().state, record.calls_lost) == (state, int(state == "lost"))
    dial.refresh_from_db()
    assert (dial.status, "D13" in dial.settlement) == ("ok", state == "lost")
    hang_up.refresh_from_db()
    assert hang_up.settlement == ""  # of the dial alone its record says that it was refused


def dialled(told: dict[str, Any]) -> dict[str, Any]:
    """The line of a dial in Telnyx's record."""
    return {"type": "command", "name": "dial", "event_timestamp": ago(200).isoformat(), "metadata": told}


@pytest.mark.parametrize("settled", ["", "Settled from the webhook call.initiated (Call initiated)."])
def test_a_dial_whose_call_ends_at_that_very_moment_or_that_was_settled_is_not_told_as_refused(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, settled: str
) -> None:
    call = make_call(account, state="initiated", direction="outgoing", started_at=ago(200), answered_at=None)
    dial = outbox.dial(account, {"connection_id": call.connection_id, "from": FROM, "to": TO}, PORTAL)
    CallCommand.objects.update(status="ok", call=call, settlement=settled)
    close = call_status.close_as_lost

    def meanwhile(*given: Any) -> Call:
        if not settled:
            post(account, make_event("call.hangup", -1))
        return close(*given)

    monkeypatch.setattr(call_status, "close_as_lost", meanwhile)
    looked(account, calls=GONE, call_events=listing(dialled(REFUSED)))
    dial.refresh_from_db()
    assert (Call.objects.get().state, dial.settlement) == ("lost" if settled else "ended", settled)


def test_a_call_that_was_heard_of_just_now_is_not_even_asked_for(account: TelnyxAccount) -> None:
    heard(account, make_call(account, "quiet", **OLD), 100)
    make_call(account, "young", started_at=ago(100))
    looked(account, calls=status(is_alive=False, end_time="2026-01-02T03:04:05Z"))
    assert set(Call.objects.values_list("state", flat=True)) == {"answered"}


@pytest.mark.parametrize(("seconds", "asked"), [(150, False), (190, True)])
def test_a_call_is_asked_for_when_three_minutes_brought_nothing_of_it(
    account: TelnyxAccount, seconds: float, asked: bool
) -> None:
    heard(account, make_call(account, "heard", **OLD), seconds)
    make_call(account, "young", started_at=ago(seconds))
    looked(account, calls=status(is_alive=False, end_time=ago(300).isoformat()))
    assert set(Call.objects.values_list("state", flat=True)) == {"lost" if asked else "answered"}


def test_its_hang_up_in_telnyxs_record_ends_it(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    record = looked(account, calls=GONE, call_events=listing(entry(make_event("call.hangup", -900), 900)))
    assert (record.calls_ended, record.calls_lost, record.events_recovered) == (1, 0, 1)
    run_owed()
    assert (Call.objects.get().state, Call.objects.get().hangup_cause) == ("ended", "normal_clearing")


def test_a_hang_up_in_the_record_that_is_young_is_left_to_its_webhook(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    ended = status(is_alive=False, end_time=timezone.now().isoformat())
    record = looked(account, calls=ended, call_events=listing(entry(make_event("call.hangup", -60), 60)))
    assert (record.calls_lost, record.events_recovered) == (0, 0)
    assert Call.objects.get().state == "answered"
    others = listing(entry(make_event("call.hangup", -60, leg="b"), 60))  # the end of another leg is not its end
    assert looked(account, calls=GONE, call_events=others).calls_lost == 1


@pytest.mark.parametrize(("seconds", "lost"), [(0, 0), (110, 0), (130, 1)])
def test_a_call_that_ended_just_now_is_left_to_its_hang_up(account: TelnyxAccount, seconds: float, lost: int) -> None:
    make_call(account, **OLD)
    told = status(is_alive=False, end_time=ago(seconds).isoformat())
    assert looked(account, calls=told).calls_lost == lost


@pytest.mark.parametrize("late", [-4501, -4000, -30])
def test_a_late_hang_up_makes_a_lost_call_ended_and_equal_to_one_never_lost(
    account: TelnyxAccount, late: float
) -> None:
    events = [make_event(seconds=-5000), make_event("call.answered", -4500), make_event("call.hangup", late)]
    other = make_call(account, "other", **OLD)
    other.delete()
    arrived = ago(0)  # how late each came is a fact, so each comes at one moment, whenever it is told
    for event in events[:2]:
        post(account, event, arrived)
    CallEvent.objects.update(received_at=ago(4000))
    looked(account, calls=GONE)
    assert Call.objects.get().state == "lost"
    post(account, events[2], arrived)
    lost_first = row()
    assert (lost_first["state"], lost_first["hangup_cause"]) == ("ended", "normal_clearing")
    CallEvent.objects.all().delete()
    Call.objects.all().delete()
    for event in events:
        post(account, event, arrived)
    assert row() == lost_first


def test_the_late_hang_up_knows_the_time_of_the_end_better_than_telnyxs_status(account: TelnyxAccount) -> None:
    make_call(account, **OLD)
    assert looked(account, calls=status(is_alive=False, end_time=ago(300).isoformat())).calls_lost == 1
    ended = ago(302)
    post(account, make_event("call.hangup", -302, end_time=ended.isoformat()))
    seen = Call.objects.get()
    assert (seen.state, seen.ended_at) == ("ended", ended)


def test_what_happened_later_says_that_a_lost_call_lives(account: TelnyxAccount) -> None:
    post(account, make_event(seconds=-5000))
    CallEvent.objects.update(received_at=ago(4000))
    looked(account, calls=GONE)
    assert Call.objects.get().state == "lost"
    post(account, make_event("call.dtmf.received", -4900))
    post(account, make_event("call.answered", -4900))  # before it was looked for: no news of its life
    assert (Call.objects.get().state, Call.objects.get().ended_at is None) == ("lost", False)
    post(account, make_event("call.bridged", 5))
    seen = Call.objects.get()
    assert (seen.state, seen.ended_at) == ("bridged", None)


def test_a_live_call_nobody_told_us_of_gets_a_row(
    ring: Callable[..., Call], sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str, http: Any
) -> None:
    ours = {"telnyx_id": connection_id, "webhook_event_failover_url": sandbox_account.webhook_url}
    CallControlApplication.objects.create(account=sandbox_account, **ours)
    call = ring()
    Call.objects.all().delete()
    assert recover(sandbox_account).calls_found == 0  # its webhook may be under way
    begin_earlier(sandbox, call, 600)
    record = recover(sandbox_account)
    assert (record.calls_found, record.calls_lost) == (1, 0)
    seen = Call.objects.get()
    at = (seen.call_control_id, seen.connection_id, seen.state)
    assert at == (call.call_control_id, connection_id, "initiated")
    assert abs((timezone.now() - seen.started_at).total_seconds() - 600) < 10
    assert recover(sandbox_account, now=timezone.now() + timedelta(minutes=5)).calls_found == 0
    http.act(call.call_control_id, "hangup")


def test_live_calls_of_applications_that_do_not_speak_to_us_are_left_alone(
    ring: Callable[..., Call], sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str
) -> None:
    CallControlApplication.objects.create(account=sandbox_account, telnyx_id=connection_id)
    begin_earlier(sandbox, ring(), 600)
    Call.objects.all().delete()
    assert recover(sandbox_account).calls_found == 0
    assert not wire(sandbox, "/v2/connections")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"call_duration": 119}, 0),
        ({"call_duration": 120}, 1),
        ({"call_duration": 86_400}, 1),
        ({"call_duration": 86_401}, 0),
        ({"call_duration": "600"}, 0),
        ({"call_control_id": "v3:" + "x" * 509}, 1),
        ({"call_control_id": "v3:" + "x" * 510}, 0),
        ({"call_control_id": 7}, 0),
    ],
)
def test_a_listed_call_gets_a_row_where_its_id_and_its_age_can_be(
    account: TelnyxAccount, told: dict[str, Any], found: int
) -> None:
    ours = {"telnyx_id": CONNECTION, "webhook_event_url": account.webhook_url}
    CallControlApplication.objects.create(account=account, **ours)
    row = {"call_control_id": "v3:x", "call_duration": 600, "call_leg_id": "leg", "call_session_id": "x" * 65} | told
    alive = {"data": [row], "meta": {"cursors": {"after": None}, "next": None, "total_items": 1}}
    record = looked(account, active_calls=alive)
    assert (record.calls_found, record.problem) == (found, "")
    rows = Call.objects.values_list("call_control_id", "call_leg_id", "call_session_id", "connection_id")
    assert list(rows) == [(row["call_control_id"], "leg", "", CONNECTION)] * found


def test_a_call_that_is_alive_at_telnyx_stays_as_it_is(
    ring: Callable[..., Call], sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str
) -> None:
    call = ring(**OLD)
    assert recover(sandbox_account).calls_lost == 0
    assert Call.objects.get().state == "parked"
    assert not wire(sandbox, f"/v2/calls/{call.call_control_id}")  # the list of live calls told it


def test_a_call_that_ended_unheard_is_found_in_the_sandboxs_record(
    ring: Callable[..., Call], sandbox: Sandbox, sandbox_account: TelnyxAccount, http: Any
) -> None:
    call = ring(**OLD)
    leg = sandbox.store.call(call.call_control_id)
    assert leg
    Call.objects.update(call_leg_id=leg.call_leg_id)
    undelivered(sandbox, make_event("call.answered", -900, call_leg_id="another"), status=200)
    http.act(call.call_control_id, "hangup")
    later = timezone.now() + timedelta(minutes=5)
    http.end(call.call_control_id)
    record = recover(sandbox_account, now=later)
    assert (record.calls_ended, record.calls_lost) == (1, 0)
    assert Call.objects.get().state == "ended"


def heard(account: TelnyxAccount, call: Call, seconds: float) -> None:
    told = {"source": "webhook", "status": "processed", "body": b"{}", "dedupe_key": call.call_control_id}
    CallEvent.objects.create(account=account, call=call, received_at=ago(seconds), **told)


def post(account: TelnyxAccount, event: dict[str, Any], arrived: datetime | None = None) -> None:
    assert post_webhook(Client(), account, event).status_code == 200
    if arrived:
        CallEvent.objects.filter(status="received").update(received_at=arrived)
    run_owed()


def row() -> dict[str, Any]:
    (found,) = Call.objects.values()
    # when its end is to be judged is owed work, and no fact of the call
    return {name: value for name, value in found.items() if name not in {"id", "judge_at"}}


def begin_earlier(sandbox: Sandbox, call: Call, seconds: float) -> None:
    leg = sandbox.store.call(call.call_control_id)
    assert leg
    with sandbox.store.transaction():
        leg.started_at -= seconds
        sandbox.store.save_call(leg)
