"""A machine whose clock is wrong, or that slept: what the database judges is written by the database's clock."""

import time

import pytest
from django.db.models.functions import Now
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import Heartbeat, TelnyxAccount
from portal.runtime import health
from portal.telnyx import client
from tests.support.alert_notices import begin, end
from tests.support.clocks import is_near, set_wrong
from tests.support.commands import act, outcomes, seen
from tests.support.events import receive, tell
from tests.support.factories import make_call, make_event, make_flow
from tests.support.flows import one_rule
from tests.support.http_servers import Listener, answer, serving
from tests.support.reconciliation import entry, uncertain
from tests.support.rows import Alert, AlertMute, AlertNotice, CallCommand, Recovery
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.alerts import notices, rounds
from voice.conferences import service
from voice.dispatch import reconciliation, sender
from voice.events import processing
from voice.live_board import listings
from voice.models import AlertRound, LiveListing
from voice.recovery import runs

pytestmark = pytest.mark.django_db
WRONG = pytest.mark.parametrize("seconds", [-120, 120])
NOTHING = {"data": [], "meta": {"total_pages": 1, "total_results": 0}}
YES = answer("200 OK", b'{"data": {"result": "ok"}}')


@WRONG
def test_a_command_of_a_rule_is_as_old_as_it_is(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    make_flow(account, *one_rule(do=[{"action": "answer"}]))
    set_wrong(monkeypatch, seconds)
    (event,) = receive(account, make_event())
    assert is_near(event.received_at)
    tell(account)
    command = CallCommand.objects.get()
    assert (is_near(command.created_at), is_near(command.expires_at, 20)) == (True, True)


def test_commands_of_events_that_are_claimed_together_have_an_order(account: TelnyxAccount) -> None:
    """A wish waits for an older one of its call, so none may be as old as another."""
    make_flow(account, *one_rule())
    events = receive(account, *(make_event(leg=leg) for leg in "abcd"))
    list(processing.process_all([event.pk for event in events]))
    times = list(CallCommand.objects.order_by("created_at").values_list("created_at", "call__call_control_id"))
    assert [leg for _, leg in times] == [f"v3:{leg}-leg" for leg in "abcd"]
    assert len({at for at, _ in times}) == 4


@WRONG
def test_of_an_event_without_a_time_the_rule_s_command_is_fresh(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    make_flow(account, *one_rule(do=[{"action": "answer"}]))
    set_wrong(monkeypatch, seconds)
    event = make_event()
    event["data"].pop("occurred_at")
    tell(account, event)
    assert is_near(CallCommand.objects.get().expires_at, 20)


@WRONG
def test_the_next_look_at_an_uncertain_command_comes_when_it_should(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"}, over=0)
    set_wrong(monkeypatch, seconds)
    with telnyx_says(account, call_events=NOTHING, calls={"data": {"is_alive": True}}):
        reconciliation.reconcile(command.pk)
    assert is_near(seen(command).lease_until, 5)
    assert not reconciliation.needs_a_person(seen(command))


def test_a_slow_clock_lets_telnyx_s_record_prove_a_command(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = make_call(account)
    command = uncertain(call, "speak", {"payload": "Hello", "voice": "female"})
    set_wrong(monkeypatch, -120)
    event = make_event("call.speak.started", -20)["data"]
    record = {"data": [entry("webhook", "call.speak.started", event=event)], "meta": {"total_pages": 1}}
    with telnyx_says(account, call_events=record):
        reconciliation.reconcile(command.pk)
    assert seen(command).status == "ok"


@WRONG
def test_a_notice_is_tried_again_when_it_should(
    account: TelnyxAccount, hook: Listener, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    hook.says.append(answer("500 Internal Server Error"))  # type: ignore[attr-defined]
    begin(account)
    set_wrong(monkeypatch, seconds)
    notices.deliver_due()
    assert is_near(AlertNotice.objects.get().lease_until, notices.PAUSES[0])
    end()


@WRONG
def test_a_round_of_checks_is_noted_when_it_is(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    set_wrong(monkeypatch, seconds)
    assert rounds.check_due()
    assert is_near(AlertRound.objects.get().at)
    assert not rounds.check_due()


@WRONG
def test_a_recovery_is_alive_and_due_when_it_is(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    set_wrong(monkeypatch, seconds * 2)
    record, _ = runs.request(account, PORTAL)
    assert runs.begin(record)
    assert (is_near(record.started_at), is_near(record.seen_alive_at)) == (True, True)
    with monkeypatch.context() as elsewhere:
        set_wrong(elsewhere, 0)
        assert runs.request(account, PORTAL) == (record, False)  # it is not taken for dead
    runs.finish(record, Recovery.State.DONE, "")
    assert not runs.is_due(account)


@WRONG
def test_telnyx_s_live_calls_are_asked_for_when_it_is_time(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    LiveListing.objects.create(account=account, claimed_at=ago(0))  # somebody with a right clock has just asked
    set_wrong(monkeypatch, seconds)
    assert not listings._claim(account)
    LiveListing.objects.filter(account=account).update(claimed_at=Now() - listings.EVERY)
    assert listings._claim(account)


@pytest.mark.parametrize(("seconds", "left", "muted"), [(120, 60, True), (-120, -60, False)])
def test_an_alert_is_muted_as_long_as_it_is(
    account: TelnyxAccount,
    browser: Client,
    api: APIClient,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    left: float,
    muted: bool,
) -> None:
    now = ago(0)
    alert = Alert.objects.create(kind="backlog", subject="events", summary="late", opened_at=now, seen_at=now)
    AlertMute.objects.create(kind="backlog", created_at=now, until=ago(-left), reason="known", by="user: ada")
    set_wrong(monkeypatch, seconds)
    assert [row["muted"] for row in api.get("/api/v1/alerts/").json()["results"]] == [muted]
    listed = browser.get("/admin/voice/alert/")
    assert ([row.muted for row in listed.context["cl"].result_list], len(listed.context["mutes"])) == ([muted], muted)
    assert len(browser.get(f"/admin/voice/alert/{alert.pk}/change/").context["mutes"]) == muted


@WRONG
def test_of_a_conference_without_a_time_what_telnyx_tells_now_is_of_now(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    set_wrong(monkeypatch, seconds)
    told = {"data": {"id": "room-1", "name": "standup", "status": "in_progress"}}
    with telnyx_says(account, conferences=told):
        conference = service.retrieve(account, "room-1")
    assert conference is not None
    assert is_near(conference.started_at)


@WRONG
def test_a_process_that_is_alive_is_said_to_be(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    set_wrong(monkeypatch, seconds)
    Heartbeat.beat("sweep")
    assert is_near(Heartbeat.objects.get(name="sweep").at)
    assert abs(health._heartbeats()["sweep"]) < 10


# --- A machine that sleeps -------------------------------------------------------------------------------------------


class Asleep:
    """The machine slept: of its clocks, only the one that counts that went on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        stands, really = time.monotonic(), time.clock_gettime
        monkeypatch.setattr(time, "monotonic", lambda: stands)
        monkeypatch.setattr(time, "clock_gettime", lambda clock: really(clock) + self.seconds)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Asleep:
    if not hasattr(time, "CLOCK_BOOTTIME"):
        pytest.skip("this system has no clock that counts its sleep")
    return Asleep(monkeypatch)


def test_a_sender_that_was_asleep_between_claim_and_request_sends_nothing(
    account: TelnyxAccount, machine: Asleep, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = sender._attempt

    def after_a_sleep(command: CallCommand, claimed: float) -> object:
        machine.seconds += 31  # its lease is over
        return really(command, claimed)

    monkeypatch.setattr(sender, "_attempt", after_a_sleep)
    with serving(YES) as listener:
        account.base_url = f"{listener.url}/v2"
        account.save()
        command = act(make_call(account), "hangup")
        sender.send(command.pk)
        assert listener.requests == []
    assert outcomes(command) == ["unavailable"]


def test_a_request_that_has_not_left_before_a_sleep_does_not_leave_after_it(
    account: TelnyxAccount, machine: Asleep, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = client._DeadlineBackend.connect_tcp

    def asleep(backend: client._DeadlineBackend, *where: object, **more: object) -> object:
        stream = really(backend, *where, **more)  # type: ignore[arg-type]
        machine.seconds += client.DEADLINE_SECONDS
        return stream

    monkeypatch.setattr(client._DeadlineBackend, "connect_tcp", asleep)
    with serving(YES) as listener:
        account.base_url = f"{listener.url}/v2"
        account.save()
        command = act(make_call(account), "hangup")
        sender.send(command.pk)
    assert listener.requests in ([], [b""])
    assert (seen(command).status, outcomes(command)) == ("queued", ["unavailable"])
