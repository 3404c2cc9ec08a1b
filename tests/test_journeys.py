"""Whole calls through the running portal and the sandbox: ring, answer, gather, transfer, hang up."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from rest_framework.test import APIClient

from applications.editing.service import create_application
from applications.kinds import KINDS
from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.celery import app
from portal.models import TelnyxAccount
from portal.runtime import wakeups
from portal.sandbox.server.server import Sandbox
from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from tests.support.worker import Line, working
from voice.flows.service import save_flow
from voice.management.commands import create_sample
from voice.models import Call, CallCommand, CallEvent, Flow, TexmlDocument, TexmlFetch

pytestmark = pytest.mark.django_db(transaction=True)
SAMPLE = create_sample._RULES


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[Http]:
    """The sandbox; while a test waits for the end of a call, its people go on once the portal has done its part."""
    yield Http(sandbox.port, Line(sandbox.exchange))
    sandbox.reset()  # a call that still lives would ring at a portal that is gone


@pytest.fixture(autouse=True)
def messages(monkeypatch: pytest.MonkeyPatch) -> "queue.Queue[tuple[str, str]]":
    """Wake-ups are kept and not published: without a worker in the test nothing is woken."""
    kept: queue.Queue[tuple[str, str]] = queue.Queue()
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: kept.put((task, identifier)))
    return kept


@pytest.fixture
def application(live_server: Any, settings: Any, sandbox_account: TelnyxAccount, http: Http) -> CallControlApplication:
    """An application whose webhooks go to the running portal."""
    settings.PORTAL_PUBLIC_URL = live_server.url
    values = {"application_name": "front desk", "webhook_event_url": sandbox_account.webhook_url}
    row, problem = create_application(KINDS[0], sandbox_account, values, PORTAL)
    assert (problem, row.webhook_api_version) == ("", "2")
    assert isinstance(row, CallControlApplication)
    return row


@pytest.fixture
def flow(application: CallControlApplication) -> Callable[..., Flow]:
    def make(rules: list[dict[str, Any]]) -> Flow:
        row = Flow(account=application.account, name="front desk", connection_id=application.telnyx_id)
        return save_flow(row, rules, PORTAL)

    return make


def heard_all(http: Http, control_id: str) -> list[Call]:
    """The legs of that call's session once Telnyx told everything and the portal worked it off."""
    http.end(control_id)
    eventually(lambda: not CallEvent.objects.filter(status="received").exists(), "the processing")
    eventually(lambda: not CallCommand.objects.filter(status__in=("queued", "sending")).exists(), "the sending")
    call = Call.objects.get(call_control_id=control_id)
    return list(Call.objects.filter(call_session_id=call.call_session_id).order_by("started_at"))


def story(call: Call) -> list[str]:
    """Event types of a leg in the order they happened."""
    return [event.event_type.removeprefix("call.") for event in call.events.order_by("occurred_at")]


def sent() -> list[tuple[str, str]]:
    return list(CallCommand.objects.order_by("created_at", "sequence").values_list("action", "status"))


def test_the_sample_answers_asks_transfers_and_everything_can_be_read(
    flow: Any, http: Http, application: CallControlApplication, api: APIClient
) -> None:
    flow(SAMPLE)
    with working():
        control_id = http.ring("ivr", connection_id=application.telnyx_id)
        caller, desk = heard_all(http, control_id)
    assert (caller.call_control_id, caller.direction, desk.direction) == (control_id, "incoming", "outgoing")
    assert (caller.state, desk.state, desk.to_number, caller.step) == ("ended", "ended", "+13125550001", "transferred")
    heard = story(caller)
    assert heard == ["initiated", "answered", "dtmf.received", "gather.ended", "bridged", "hangup"]
    assert story(desk) == ["initiated", "answered", "bridged", "hangup"]
    assert sent() == [("answer", "ok"), ("gather_using_speak", "ok"), ("transfer", "ok")]
    assert set(CallCommand.objects.values_list("call", flat=True)) == {caller.pk}
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}
    listed = api.get("/api/v1/calls/").json()["results"]
    assert {(row["call_control_id"], row["application"]) for row in listed} == {
        (caller.call_control_id, "front desk"),
        (desk.call_control_id, "front desk"),
    }
    session = api.get(f"/api/v1/sessions/{caller.call_session_id}/").json()
    legs = [caller.call_control_id, desk.call_control_id]
    assert [(leg["call_control_id"], leg["state"]) for leg in session["calls"]] == [(leg, "ended") for leg in legs]
    for row in listed:
        assert row["answered_at"]
        assert row["bridged_at"]
        assert row["ended_at"]
        assert row["hangup_cause"] == "normal_clearing"


def test_any_other_answer_ends_the_call(flow: Any, http: Http, application: CallControlApplication) -> None:
    flow(SAMPLE)
    with working():
        (caller,) = heard_all(http, http.ring("transferred", connection_id=application.telnyx_id))  # presses nothing
    assert (caller.step, caller.hangup_source) == ("goodbye", "callee")
    assert sent() == [("answer", "ok"), ("gather_using_speak", "ok"), ("hangup", "ok")]


def test_a_caller_who_waits_is_answered_and_leaves(flow: Any, http: Http, application: CallControlApplication) -> None:
    flow([{"event_type": "call.initiated", "do": [{"action": "answer"}]}])
    with working():
        (caller,) = heard_all(http, http.ring("answered", connection_id=application.telnyx_id))
    assert story(caller) == ["initiated", "answered", "hangup"]
    assert (caller.state, caller.hangup_cause, caller.hangup_source) == ("ended", "normal_clearing", "caller")
    assert sent() == [("answer", "ok")]


def test_a_caller_who_gives_up_was_never_answered(http: Http, application: CallControlApplication) -> None:
    with working():
        (caller,) = heard_all(http, http.ring("caller_hangs_up", connection_id=application.telnyx_id))
    assert story(caller) == ["initiated", "hangup"]
    assert (caller.state, caller.answered_at, caller.hangup_cause) == ("ended", None, "originator_cancel")
    assert (sent(), caller.talk_seconds) == ([], None)


@pytest.mark.parametrize(
    ("to", "told", "cause"),
    [
        ("+13125550001", ["initiated", "answered", "hangup"], "normal_clearing"),
        ("+13125550002", ["initiated", "hangup"], "user_busy"),
        ("+13125550004", ["initiated", "hangup"], "call_rejected"),
    ],
)
def test_a_dial_over_rest_is_seen_to_its_end(
    http: Http, application: CallControlApplication, api: APIClient, to: str, told: list[str], cause: str
) -> None:
    body = {"connection_id": application.telnyx_id, "from": "+13125550100", "to": to}
    with working():
        accepted = api.post("/api/v1/calls/", body, format="json")
        assert accepted.status_code == 202
        called = eventually(lambda: api.get(accepted["Location"]).json()["call_control_id"], "the dial")
        (callee,) = heard_all(http, called)
    assert story(callee) == told
    assert (callee.direction, callee.state, callee.hangup_cause, callee.to_number) == ("outgoing", "ended", cause, to)
    assert sent() == [("dial", "ok")]
    assert CallCommand.objects.get().call == callee


def test_with_the_worker_stopped_webhooks_are_stored_and_the_sweep_runs_them(
    flow: Any, http: Http, application: CallControlApplication, messages: Any
) -> None:
    flow(SAMPLE)
    http.ring("ivr", connection_id=application.telnyx_id)
    eventually(CallEvent.objects.exists, "the webhook")
    eventually(lambda: not messages.empty(), "the wake-up, which nobody is there to read")
    assert (CallEvent.objects.get().status, sent()) == ("received", [])
    call_command("sweep", "--once")
    assert (CallEvent.objects.earliest("received_at").status, sent()[0]) == ("processed", ("answer", "ok"))


def test_with_both_stopped_they_wait_and_are_run_once_later(
    flow: Any, http: Http, application: CallControlApplication, sandbox: Sandbox
) -> None:
    flow(SAMPLE)
    control_id = http.ring("caller_hangs_up", connection_id=application.telnyx_id)
    Http(sandbox.port, sandbox.exchange).end(control_id)
    assert list(CallEvent.objects.values_list("status", flat=True)) == ["received", "received"]
    assert not Call.objects.exists()
    for _ in range(3):
        call_command("sweep", "--once")
    assert (Call.objects.get().state, story(Call.objects.get())) == ("ended", ["initiated", "hangup"])
    assert list(CallEvent.objects.values_list("status", "attempts")) == [("processed", 1)] * 2
    assert [status for _, status in sent()] == ["expired"]  # nobody is there any more to be answered
    assert sandbox.store.entries("commands") == []


def test_a_doubled_and_disordered_delivery_ends_the_same(
    flow: Any, http: Http, application: CallControlApplication
) -> None:
    flow(SAMPLE)
    http.fault("duplicate", times=None)
    http.fault("reorder", event_type="call.answered")
    with working():
        caller, desk = heard_all(http, http.ring("ivr", connection_id=application.telnyx_id))
    assert (caller.state, desk.state) == ("ended", "ended")
    assert [status for _, status in sent()] == ["ok", "ok", "ok"]
    assert len(story(caller)) == len(set(story(caller)))


def test_tasks_alone_lead_a_call_to_the_same_end(
    flow: Any, http: Http, application: CallControlApplication, messages: Any
) -> None:
    flow(SAMPLE)

    def worker() -> None:
        while (message := messages.get()) is not None:
            app.tasks[message[0]].apply(args=[message[1]], throw=True)
        connections.close_all()

    thread = threading.Thread(target=worker)
    thread.start()
    try:
        caller, desk = heard_all(http, http.ring("ivr", connection_id=application.telnyx_id))
    finally:
        messages.put(None)
        thread.join(60)
    assert (caller.state, caller.step, desk.state) == ("ended", "transferred", "ended")
    assert sent() == [("answer", "ok"), ("gather_using_speak", "ok"), ("transfer", "ok")]


def test_the_samples_menu_of_two_documents_is_served_and_run(
    live_server: Any, settings: Any, sandbox_account: TelnyxAccount, http: Http
) -> None:
    settings.PORTAL_PUBLIC_URL = live_server.url
    call_command("create_sample")
    with working():
        caller, desk = heard_all(http, http.ring("texml_menu"))
    assert (caller.state, desk.state, desk.to_number) == ("ended", "ended", "+13125550001")
    eventually(lambda: TexmlFetch.objects.count() == 2, "the fetch log")
    fetches = list(TexmlFetch.objects.order_by("at").values_list("document__name", "version", "verdict", "proof"))
    assert fetches == [("Sample: menu", 1, "served", "verified"), ("Sample: put through", 1, "served", "verified")]
    assert TexmlFetch.objects.latest("at").parameters["Digits"] == "1"
    said = [line["line"] for line in http.ledger("documents")]
    assert 'Caller hears: "You pressed 1. One moment please."' in said
    call_command("create_sample")
    assert TexmlDocument.objects.count() == 2
