"""What is alive at Telnyx, asked of a real sandbox."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.messages import constants
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from portal.sandbox.core import store
from portal.sandbox.server.server import Sandbox
from portal.telnyx.errors import TelnyxRefused, TelnyxUnavailable
from tests.support.events import tell
from tests.support.factories import make_call, make_event
from tests.support.http_servers import answer, serving
from tests.support.reconciliation import look, uncertain
from tests.support.rest import CALLS, of_call, problem, send
from tests.support.rows import Call, CallEvent
from tests.support.sandbox_ledger import wire
from tests.support.signing import TELNYX_KEY
from tests.support.telnyx_answers import telnyx_says
from tests.support.texml_resources import SID, parts, wired
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.calls import status
from voice.events import processing

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def crowd(sandbox: Sandbox, connection_id: str, count: int) -> None:
    """That many calls on one application."""
    with sandbox.store.transaction():
        for at in range(count):
            ids = f"v3:crowd-{at}", f"leg-{at}", f"session-{at}"
            sandbox.store.save_call(store.Call(*ids, connection_id, "incoming", "+1", "+2", time.time(), "answered"))


def test_the_live_calls_of_one_application_are_listed(
    ring: Callable[..., Call], sandbox_account: TelnyxAccount, connection_id: str
) -> None:
    call = ring()
    (seen,) = status.active_calls(sandbox_account, connection_id).rows
    assert (seen["call_control_id"], seen["record_type"]) == (call.call_control_id, "call")


def test_every_page_is_read_once(sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str) -> None:
    crowd(sandbox, connection_id, 601)
    found = status.active_calls(sandbox_account, connection_id)
    seen = [call["call_control_id"] for call in found.rows]
    assert found.complete
    assert len(seen) == len(set(seen)) == 601
    assert len(wire(sandbox, "/v2/connections")) == 3


def test_exactly_one_full_page_asks_no_second_time(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, connection_id: str
) -> None:
    crowd(sandbox, connection_id, 250)
    assert len(status.active_calls(sandbox_account, connection_id).rows) == 250
    assert len(wire(sandbox, "/v2/connections")) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [{"x": 1}], "meta": {"next": "/again", "cursors": {"after": "same"}}}',
        b'{"data": [{"x": 1}], "meta": {"next": "/again"}}',
        b'{"data": [{"x": 1}], "meta": {"next": "/again", "cursors": null}}',
        b'{"data": [{"x": 1}], "meta": null}',
        b'{"data": [{"x": 1}]}',
        b'{"data": null}',
        b"{}",
    ],
)
def test_an_odd_answer_ends_the_reading(account: TelnyxAccount, body: bytes) -> None:
    with serving(answer("200 OK", body)) as server:
        account.base_url = f"{server.url}/v2"
        found = status.active_calls(account, "77")
        assert (len(found.rows) <= 2, found.complete) == (True, False)
        assert len(server.requests) <= 2


@pytest.mark.parametrize(
    ("answered", "complete"),
    [
        ({"data": [], "meta": {"total_items": 0}}, True),
        ({"data": [], "meta": {"total_items": 0, "next": None, "cursors": {"after": None}}}, True),
        ({"data": [{"x": 1}], "meta": {"total_items": 1}}, True),
        ({"data": [], "meta": {"total_items": 1}}, False),
        ({"data": [{"x": 1}], "meta": {"total_items": 2}}, False),
        ({"data": [], "meta": {"total_items": 0, "next": "/more"}}, False),
        ({"data": [], "meta": {"total_items": 0, "cursors": {"after": "abc"}}}, False),
        ({"data": [], "meta": {}}, False),
        ({"data": [], "meta": {"total_items": "0"}}, False),
        ({"data": None, "meta": {"total_items": 0}}, False),
    ],
)
def test_that_there_are_no_others_is_believed_only_if_telnyx_says_so(
    account: TelnyxAccount, answered: dict[str, Any], complete: bool
) -> None:
    with serving(answer("200 OK", json.dumps(answered).encode())) as server:
        account.base_url = f"{server.url}/v2"
        assert status.active_calls(account, "77").complete is complete


def test_an_unknown_application_is_telnyxs_to_refuse(sandbox_account: TelnyxAccount) -> None:
    with pytest.raises(TelnyxRefused):
        status.active_calls(sandbox_account, "77")


def test_refreshing_a_call_that_ended_tells_so(ring: Callable[..., Call], http: Any) -> None:
    call = ring()
    http.act(call.call_control_id, "hangup")
    seen = status.refresh(call)
    assert (seen.state, seen.hangup_cause) == ("ended", "")
    assert seen.ended_at is not None
    assert Call.objects.get().state == "ended"


def test_the_hang_up_that_comes_later_has_the_exact_time_and_the_cause(
    ring: Callable[..., Call], sandbox_account: TelnyxAccount, http: Any
) -> None:
    sandbox_account.public_key = base64.b64encode(bytes(TELNYX_KEY.verify_key)).decode()
    sandbox_account.save()
    call = ring()
    http.act(call.call_control_id, "hangup")
    assert status.refresh(call).state == "ended"
    end = timezone.now().replace(microsecond=678000) - timedelta(seconds=2)
    event = make_event("call.hangup", -2, call_control_id=call.call_control_id, end_time=end.isoformat())
    assert post_webhook(Client(), sandbox_account, event).status_code == 200
    processing.process(CallEvent.objects.get().pk)
    seen = Call.objects.get()
    assert seen.ended_at == end
    assert (seen.state, seen.hangup_cause, seen.hangup_source) == ("ended", "normal_clearing", "caller")


def test_refreshing_a_living_call_changes_nothing(ring: Callable[..., Call]) -> None:
    call = ring()
    assert status.refresh(call).state == "parked"
    assert Call.objects.get().facts == {}


def test_a_call_that_telnyx_does_not_know_any_more_stays_as_it_is(sandbox_account: TelnyxAccount) -> None:
    assert status.refresh(make_call(sandbox_account)).state == "answered"


def test_the_word_of_a_dials_answer_is_not_taken_for_an_end(account: TelnyxAccount) -> None:
    body = b'{"data": {"is_alive": false, "end_time": null, "call_control_id": "v3:a-leg"}}'
    with serving(answer("200 OK", body)) as server:
        account.base_url = f"{server.url}/v2"
        call = make_call(account)
        assert status.refresh(call).state == "answered"


def test_an_outage_is_told(ring: Callable[..., Call], sandbox: Sandbox) -> None:
    call = ring()
    sandbox.faults.add({"method": "GET", "fault": "status", "value": 500})
    with pytest.raises(TelnyxUnavailable):
        status.refresh(call)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (b'{"sid": "v3:a-leg", "status": "completed", "end_time": "Fri, 22 May 2026 10:00:09 +0000"}', "ended"),
        (b'{"sid": "v3:a-leg", "status": "in-progress"}', "answered"),
    ],
)
def test_of_a_texml_call_its_own_resource_is_asked(db: None, api: APIClient, said: bytes, state: str) -> None:
    with serving(answer("200 OK", said)) as telnyx:
        call = make_call(wired(telnyx.url), is_texml=True, started_at=datetime(2026, 5, 22, 10, tzinfo=UTC))
        answered = api.post(f"{CALLS}{call.call_control_id}/refresh/")
        (raw,) = telnyx.requests
    assert (answered.status_code, answered.json()["state"]) == (200, state), answered.json()
    assert parts(raw)[:2] == ("GET", f"/v2/texml/Accounts/{SID}/Calls/v3:a-leg")


def test_a_texml_call_that_telnyx_does_not_know_keeps_its_state(db: None, api: APIClient) -> None:
    with serving(answer("404 Not Found", b'{"errors": [{"detail": "Resource not found"}]}')) as telnyx:
        call = make_call(wired(telnyx.url), is_texml=True)
        assert api.post(f"{CALLS}{call.call_control_id}/refresh/").json()["state"] == "answered"


def test_where_telnyx_knows_no_account_of_the_sid_it_says_nothing_of_its_calls(db: None, api: APIClient) -> None:
    body = b'{"errors": [{"code": "10005", "detail": "Resource not found"}]}'
    with serving(answer("404 Not Found", body)) as telnyx:
        call = make_call(wired(telnyx.url), is_texml=True)
        problem(api.post(f"{CALLS}{call.call_control_id}/refresh/"), 422)
    assert Call.objects.get().state == "answered"


def test_an_end_that_was_asked_for_absorbs_what_comes_after(account: TelnyxAccount) -> None:
    call, ended = make_call(account), ago(5)
    with telnyx_says(account, calls={"data": {"is_alive": False, "end_time": ended.isoformat()}}):
        assert status.refresh(call).state == "ended"
    tell(account, make_event("call.bridged", -1))
    seen = Call.objects.get()
    assert (seen.state, seen.ended_at) == ("ended", ended)


@pytest.mark.parametrize(
    "told",
    [
        {"is_alive": True, "end_time": "2026-01-02T03:04:05Z"},
        {"is_alive": None, "end_time": "2026-01-02T03:04:05Z"},
        {"is_alive": False, "end_time": "soon"},
    ],
)
def test_an_answer_that_tells_no_end_is_no_news(account: TelnyxAccount, told: dict[str, Any]) -> None:
    with telnyx_says(account, calls={"data": told}):
        assert status.refresh(make_call(account)).state == "answered"


def test_a_list_that_does_not_end_is_read_to_a_bound(account: TelnyxAccount) -> None:
    def page(path: str) -> dict[str, Any]:
        return {"data": [{"x": 1}], "meta": {"next": "/more", "cursors": {"after": str(len(listener.requests))}}}

    with telnyx_says(account, active_calls=page) as listener:
        found = status.active_calls(account, "77")
        assert (len(listener.requests), len(found.rows), found.complete) == (40, 40, False)


def test_behind_a_page_of_live_calls_without_one_no_other_is_asked_for(account: TelnyxAccount) -> None:
    def page(path: str) -> dict[str, Any]:
        return {"data": [], "meta": {"next": "/more", "cursors": {"after": str(len(listener.requests))}}}

    with telnyx_says(account, active_calls=page) as listener:
        found = status.active_calls(account, "77")
        assert (len(listener.requests), found.rows, found.complete) == (1, [], False)


@pytest.mark.parametrize(("code", "answered"), [("90015", 200), ("90018", 200), ("90034", 422)])
def test_of_the_refusals_those_that_say_that_there_is_no_such_call_are_an_answer(
    api: APIClient, account: TelnyxAccount, code: str, answered: int
) -> None:
    call = make_call(account)
    refused = ("422 Unprocessable Entity", {"errors": [{"code": code, "detail": "Not this call."}]})
    with telnyx_says(account, calls=refused):
        answer = send(api, of_call(call, "refresh"))
    assert answer.status_code == answered, answer.content
    assert Call.objects.get().state == "answered"


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"is_alive": True, "client_state": "bWluZQ=="}, "ok"),
        ({"is_alive": True, "client_state": "b3RoZXI="}, "uncertain"),
        ({"is_alive": True}, "uncertain"),
        ({"is_alive": False, "client_state": "bWluZQ=="}, "uncertain"),
    ],
)
def test_a_client_state_is_set_if_the_call_lives_and_has_it(
    account: TelnyxAccount, told: dict[str, Any], outcome: str
) -> None:
    lost = uncertain(make_call(account), "update_client_state", {"client_state": "bWluZQ=="})
    with telnyx_says(account, call_events={"data": []}, calls={"data": told}):
        assert look(lost).status == outcome


def test_an_end_that_was_asked_for_is_judged(account: TelnyxAccount) -> None:
    with telnyx_says(account, calls={"data": {"is_alive": False, "end_time": ago(5).isoformat()}}):
        status.refresh(make_call(account))
    assert Call.objects.get().judge_at


@pytest.mark.parametrize(
    ("line", "code", "answered"), [("404 Not Found", "90034", 200), ("422 Unprocessable Entity", "90034", 422)]
)
def test_only_that_there_is_no_such_texml_call_is_an_answer(
    api: APIClient, account: TelnyxAccount, line: str, code: str, answered: int
) -> None:
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid=SID)
    call = make_call(account, is_texml=True)
    with telnyx_says(account, **{"/Calls/": (line, {"errors": [{"code": code, "detail": "Not this call."}]})}):
        answer = send(api, of_call(call, "refresh"))
    assert answer.status_code == answered, answer.content


@pytest.mark.parametrize("word", ["busy", "failed", "no-answer", "canceled"])
def test_a_texml_call_is_over_however_it_ended(db: None, api: APIClient, word: str) -> None:
    said = {"sid": "v3:a-leg", "status": word, "end_time": "Fri, 22 May 2026 10:00:09 +0000"}
    with serving(answer("200 OK", json.dumps(said).encode())) as telnyx:
        call = make_call(wired(telnyx.url), is_texml=True, started_at=datetime(2026, 5, 22, 10, tzinfo=UTC))
        answered = api.post(f"{CALLS}{call.call_control_id}/refresh/")
    assert (answered.status_code, answered.json()["state"]) == (200, "ended"), answered.json()


@pytest.mark.parametrize(
    ("said", "level", "words"),
    [
        (
            ("404 Not Found", {"errors": [{"code": "90034", "detail": "None."}]}),
            constants.WARNING,
            "does not know this call",
        ),
        ({"sid": "v3:a-leg", "status": "in-progress"}, constants.INFO, "Telnyx was asked: the call is answered."),
    ],
)
def test_of_a_texml_call_that_telnyx_does_not_know_it_is_not_said_that_it_has_ended(
    browser: Client, account: TelnyxAccount, said: Any, level: int, words: str
) -> None:
    """TeXML may tell of a call late."""
    TelnyxAccount.objects.filter(pk=account.pk).update(account_sid=SID)
    call = make_call(account, is_texml=True)
    with telnyx_says(account, **{"/Calls/": said}):
        answer = browser.post(f"/admin/voice/call/{call.pk}/refresh/", follow=True)
    (message,) = answer.context["messages"]
    assert (message.level, words in str(message), "it has ended" in str(message)) == (level, True, False)


def test_what_texmls_resource_tells_of_a_call_takes_the_place_of_nothing_that_an_event_told(
    account: TelnyxAccount,
) -> None:
    """But for its end, which an event may tell better later."""
    tell(account, make_event("call.speak.started", -30, direction="incoming", total_cost="0.0055"))
    before, ended = Call.objects.get(), ago(10)
    told = {"from": "+13125550008", "to": "+13125550009", "direction": "outgoing", "total_cost": "9", "ending": "busy"}
    times = {"start_time": ago(60).isoformat(), "end_time": ended.isoformat()}
    call = status.close_as_told(before, {**told, **times, "state": "ended"})
    assert (call.state, call.ended_at, call.hangup_cause, call.is_texml) == ("ended", ended, "busy", True)
    kept = ("from_number", "to_number", "direction", "cost", "started_at")
    assert [getattr(call, name) for name in kept] == [getattr(before, name) for name in kept]
    hang_up = make_event("call.hangup", -12)
    tell(account, hang_up)
    call = Call.objects.get()
    assert (call.state, call.hangup_cause) == ("ended", "normal_clearing")
    assert call.ended_at == datetime.fromisoformat(hang_up["data"]["payload"]["end_time"])


def test_a_call_that_was_taken_for_lost_too_early_is_as_if_it_never_was(account: TelnyxAccount) -> None:
    begun = [make_event(seconds=-900), make_event("call.answered", -890)]
    bridged, found = make_event("call.bridged", -2), []
    for is_lost in (True, False):
        CallEvent.objects.all().delete()
        Call.objects.all().delete()
        tell(account, *begun)
        if is_lost:
            assert status.close_as_lost(Call.objects.get(), None, ago(60)).state == "lost"
        tell(account, bridged)
        call = Call.objects.get()
        facts = {name: key for name, key in call.facts.items() if name != "late_seconds"}  # it is of when they came
        found.append((call.state, call.ended_at, call.answered_at, call.bridged_at, facts))
    assert found[0] == found[1]
    assert found[0][:2] == ("bridged", None)


def test_that_a_call_lives_is_no_proof_of_a_command_whose_effect_cannot_be_read(account: TelnyxAccount) -> None:
    lost = uncertain(make_call(account), "speak", {"payload": "Hello", "voice": "female"})
    with telnyx_says(account, call_events={"data": []}, calls={"data": {"is_alive": True}}):
        assert look(lost).status == "uncertain"


def test_live_calls_are_asked_for_250_at_a_time_and_on_from_where_telnyx_says(account: TelnyxAccount) -> None:
    queries: list[dict[str, list[str]]] = []

    def page(path: str) -> dict[str, Any]:
        queries.append(parse_qs(urlsplit(path).query))
        more = {"next": "/more", "cursors": {"after": "there"}} if len(queries) == 1 else {}
        return {"data": [{"x": len(queries)}, "odd"], "meta": {"total_items": 2, **more}}

    with telnyx_says(account, active_calls=page):
        found = status.active_calls(account, "77")
    assert (found.rows, found.complete) == ([{"x": 1}, {"x": 2}], True)
    assert queries == [{"page[limit]": ["250"]}, {"page[limit]": ["250"], "page[after]": ["there"]}]
