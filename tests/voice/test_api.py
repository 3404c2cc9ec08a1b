"""Calls, events, commands, sessions and active calls over REST, as the interface page promises them."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server import Sandbox
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, FROM, TO, make_call, make_event, run_owed
from tests.support.rest import api_for, problem
from tests.support.sandbox_ledger import wire
from tests.support.webhooks import post_webhook
from voice import actions, commands
from voice.models import Call, CallCommand, CallEvent

pytestmark = pytest.mark.django_db
CALLS, EVENTS, COMMANDS = "/api/v1/calls/", "/api/v1/call-events/", "/api/v1/commands/"
DIAL = {"connection_id": "77", "from": "+13125550100", "to": "+13125550001"}
# The members of the interface page's examples
CALL = {
    "call_control_id",
    "call_leg_id",
    "call_session_id",
    "account",
    "connection_id",
    "application",
    "direction",
    "from",
    "to",
    "state",
    "started_at",
    "answered_at",
    "bridged_at",
    "ended_at",
    "ring_seconds",
    "talk_seconds",
    "hangup_cause",
    "hangup_source",
    "sip_hangup_cause",
    "client_state",
    "tags",
}
EVENT = {
    "id",
    "event_id",
    "event_type",
    "source",
    "status",
    "occurred_at",
    "received_at",
    "attempt",
    "call_control_id",
    "payload",
}
COMMAND = {"id", "action", "status", "parameters", "call_control_id", "requested_by", "created_at", "attempts", "error"}
READING = ("voice.view_call", "voice.view_callevent", "voice.view_callcommand")


def send(api: APIClient, url: str, body: Any = None, **headers: str) -> Any:
    return api.post(url, {} if body is None else body, format="json", headers=headers)


def ids(api: APIClient, **query: Any) -> str:
    """The letters of the legs that a filter finds."""
    answer = api.get(CALLS, query)
    assert answer.status_code == 200, answer.content
    return "".join(sorted(row["call_control_id"][3] for row in answer.json()["results"]))


def tell(account: TelnyxAccount, *events: dict[str, Any]) -> None:
    for event in events:
        assert post_webhook(Client(), account, event).status_code == 200
    run_owed()


# --- Calls -----------------------------------------------------------------------------------------------------------


def test_a_call_has_every_member_of_the_interface_page(api: APIClient, account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="call-router")
    start = timezone.now().replace(microsecond=0) - timedelta(seconds=30)
    call = make_call(account, started_at=start, answered_at=start + timedelta(seconds=3))
    Call.objects.update(
        state="ended",
        ended_at=start + timedelta(seconds=20),
        hangup_cause="normal_clearing",
        hangup_source="caller",
        sip_hangup_cause="200",
    )
    body = api.get(f"{CALLS}{call.call_control_id}/").json()
    assert set(body) >= CALL
    assert (body["from"], body["to"], body["direction"], body["state"]) == (FROM, TO, "incoming", "ended")
    assert (body["account"], body["application"], body["connection_id"]) == ("main", "call-router", CONNECTION)
    assert (body["ring_seconds"], body["talk_seconds"], body["bridged_at"]) == (3.0, 17.0, None)
    assert (body["hangup_cause"], body["hangup_source"]) == ("normal_clearing", "caller")
    assert (body["sip_hangup_cause"], body["client_state"], body["tags"]) == ("200", None, [])
    assert body["started_at"] == start.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    assert api.get(CALLS).json()["results"] == [body]


def test_what_is_not_known_is_null(api: APIClient, account: TelnyxAccount) -> None:
    make_call(account, direction="", state="initiated", answered_at=None)
    (body,) = api.get(CALLS).json()["results"]
    for name in ("direction", "hangup_cause", "hangup_source", "sip_hangup_cause", "client_state", "application"):
        assert body[name] is None, name
    for name in ("answered_at", "ended_at", "ring_seconds", "talk_seconds"):
        assert body[name] is None, name
    assert body["started_at"]


def test_every_filter_of_calls_finds_what_it_names(api: APIClient, account: TelnyxAccount) -> None:
    now = timezone.now()
    CallControlApplication.objects.create(account=account, telnyx_id="88", application_name="call-router")
    make_call(account, "a", from_number="+442071838750", state="ended", hangup_cause="user_busy")
    make_call(account, "b", to_number="+442071838750", direction="outgoing", has_recording=True)
    make_call(account, "c", connection_id="88", started_at=now - timedelta(hours=2), call_session_id="other")
    make_call(make_account("second"), "d")
    assert ids(api) == "abcd"
    expected = {
        "application": {"call-router": "c", "nobody": ""},
        "connection_id": {"88": "c", CONNECTION: "abd", "8": ""},
        "direction": {"outgoing": "b", "incoming": "acd"},
        "state": {"ended": "a", "answered": "bcd", "lost": ""},
        "number": {"+442071838750": "ab", "8750": "ab", "sip:x@y": ""},
        "from": {"+442071838750": "a", "8750": "a", "+44 20 7183 8750": "a"},
        "to": {"+442071838750": "b", "8750": "b"},
        "hangup_cause": {"user_busy": "a", "busy": ""},
        "call_session_id": {"other": "c"},
        "call_leg_id": {str(uuid.uuid5(uuid.NAMESPACE_URL, "b")): "b"},
        "started_after": {(now - timedelta(hours=1)).isoformat(): "abd", now.isoformat(): ""},
        "started_before": {(now - timedelta(hours=1)).isoformat(): "c"},
        "has_recording": {"true": "b", "false": "acd"},
        "account": {"second": "d", "nobody": ""},
    }
    for name, cases in expected.items():
        for value, letters in cases.items():
            assert ids(api, **{name: value}) == letters, (name, value)
    assert ids(api, state="ended", **{"from": "8750"}) == "a"


@pytest.mark.parametrize("url", [CALLS, EVENTS, COMMANDS, "/api/v1/flows/"])
def test_an_unknown_filter_is_400_and_named(api: APIClient, url: str) -> None:
    assert set(problem(api.get(url, {"stat": "x"}), 400)["errors"]) == {"stat"}
    assert set(problem(api.get(f"{url}?account=a&account=b"), 400)["errors"]) == {"account"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "dead"),
        ("direction", "inbound"),
        ("number", "ada"),
        ("from", "+"),
        ("to", ""),
        ("started_after", "noon"),
    ],
)
def test_a_filter_with_a_senseless_value_is_400_and_named(api: APIClient, name: str, value: str) -> None:
    if value == "":
        assert ids(api, **{name: value}) == ""
        return
    assert set(problem(api.get(CALLS, {name: value}), 400)["errors"]) == {name}


def test_calls_are_paged_newest_first(
    api: APIClient, account: TelnyxAccount, django_assert_max_num_queries: Any
) -> None:
    now = timezone.now()
    for at, letter in enumerate("abcde"):
        make_call(account, letter, started_at=now - timedelta(seconds=at))
    first = api.get(CALLS, {"page_size": 2}).json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    pages = [first, second, third]
    assert ["".join(row["call_control_id"][3] for row in page["results"]) for page in pages] == ["ab", "cd", "e"]
    assert (first["previous"], third["next"]) == (None, None)
    assert api.get(second["previous"]).json()["results"] == first["results"]
    for size in ("0", "251", "x"):
        assert set(problem(api.get(CALLS, {"page_size": size}), 400)["errors"]) == {"page_size"}
    with django_assert_max_num_queries(9):
        assert len(api.get(CALLS, {"page_size": 250}).json()["results"]) == 5


def test_legs_that_started_at_the_same_moment_are_each_shown_once(api: APIClient, account: TelnyxAccount) -> None:
    now = timezone.now()
    for letter in "abcdefg":
        make_call(account, letter, started_at=now)
    seen, url = [], f"{CALLS}?page_size=2"
    while url:
        page = api.get(url).json()
        seen += [row["call_control_id"][3] for row in page["results"]]
        url = page["next"]
    assert sorted(seen) == list("abcdefg")


def test_numbers_are_masked_without_the_permission(account: TelnyxAccount, user_with: Any) -> None:
    tell(account, make_event())
    commands.act(Call.objects.get(), "transfer", {"to": "+13125550001"}, PORTAL)
    support = api_for(user_with(*READING))
    call = Call.objects.get()
    one = f"{CALLS}{call.call_control_id}/"
    session = f"/api/v1/sessions/{call.call_session_id}/"
    event = f"{EVENTS}{CallEvent.objects.get().pk}/"
    for url in (CALLS, one, f"{one}events/", f"{one}commands/", EVENTS, event, COMMANDS, session):
        text = support.get(url).content.decode()
        assert "•••" in text, url
        for number in ("5550101", "5550199", "5550001"):
            assert number not in text, url
    full = api_for(user_with(*READING, "voice.view_full_number", username="operator"))
    assert full.get(one).json()["from"] == FROM
    assert FROM in full.get(EVENTS).content.decode()


def test_an_unknown_call_is_404(api: APIClient) -> None:
    for path in ("", "events/", "commands/"):
        problem(api.get(f"{CALLS}v3:nobody/{path}"), 404)
    problem(api.post(f"{CALLS}v3:nobody/refresh/"), 404)
    problem(api.get("/api/v1/sessions/nobody/"), 404)


# --- What happened, what was sent ------------------------------------------------------------------------------------


def test_events_of_a_call_come_in_order_with_every_member(api: APIClient, account: TelnyxAccount) -> None:
    tell(account, make_event("call.hangup", 9), make_event(), make_event("call.answered", 3))
    body = api.get(f"{CALLS}v3:a-leg/events/").json()
    assert set(body) == {"next", "previous", "results"}
    assert [row["event_type"] for row in body["results"]] == ["call.initiated", "call.answered", "call.hangup"]
    first = body["results"][0]
    assert set(first) >= EVENT
    assert (first["source"], first["status"], first["attempt"]) == ("webhook", "processed", 1)
    assert first["payload"]["from"] == FROM
    assert first["id"] != first["event_id"]


def test_an_unreadable_event_has_no_telnyx_id(api: APIClient, account: TelnyxAccount) -> None:
    post_webhook(Client(), account, b"{")
    (row,) = api.get(EVENTS).json()["results"]
    assert (row["event_id"], row["status"], row["payload"]) == (None, "quarantined", None)
    assert "body" not in row


def test_the_raw_body_is_for_those_who_may_see_it(api: APIClient, account: TelnyxAccount, user_with: Any) -> None:
    raw = json.dumps(make_event(), indent=4).encode()
    post_webhook(Client(), account, raw)
    url = f"{EVENTS}{CallEvent.objects.get().pk}/"
    assert api.get(url).json()["body"] == raw.decode()
    assert api_for(user_with("voice.view_callevent")).get(url).json().get("body") is None


def test_every_filter_of_events_finds_what_it_names(api: APIClient, account: TelnyxAccount) -> None:
    tell(account, make_event(), make_event("call.answered", 3, leg="b", connection_id="88"))
    post_webhook(Client(), account, b"{")
    event = CallEvent.objects.get(event_type="call.answered")
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    for name, value, count in (
        ("event_type", "call.answered", 1),
        ("event_id", event.event_id, 1),
        ("call_control_id", "v3:b-leg", 1),
        ("connection_id", "88", 1),
        ("status", "quarantined", 1),
        ("source", "webhook", 3),
        ("source", "backfill", 0),
        ("account", "main", 3),
        ("account", "nobody", 0),
        ("received_after", soon, 0),
        ("received_before", soon, 3),
    ):
        assert len(api.get(EVENTS, {name: value}).json()["results"]) == count, (name, value)


def test_a_command_has_every_member_of_the_interface_page(api: APIClient, ring: Any) -> None:
    call = ring()
    made = send(api, f"{CALLS}{call.call_control_id}/actions/answer/")
    run_owed()
    body = api.get(made["Location"]).json()
    assert set(body) >= COMMAND
    assert (body["action"], body["status"], body["parameters"], body["error"]) == ("answer", "ok", {}, None)
    assert (body["requested_by"], body["call_control_id"]) == ("token: tests", call.call_control_id)
    (attempt,) = body["attempts"]
    assert set(attempt) >= {"at", "http_status", "ms", "code"}
    assert (attempt["http_status"], attempt["code"]) == (200, None)
    assert api.get(f"{CALLS}{call.call_control_id}/commands/").json()["results"] == [body]
    assert api.get(COMMANDS).json()["results"] == [body]


def test_every_filter_of_commands_finds_what_it_names(api: APIClient, account: TelnyxAccount) -> None:
    commands.act(make_call(account), "hangup", {}, PORTAL)
    commands.act(make_call(account, "b", state="ended"), "answer", {}, PORTAL)
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    for name, value, count in (
        ("action", "answer", 1),
        ("status", "expired", 1),
        ("status", "uncertain", 0),
        ("call_control_id", "v3:a-leg", 1),
        ("account", "main", 2),
        ("created_after", soon, 0),
        ("created_before", soon, 2),
    ):
        assert len(api.get(COMMANDS, {name: value}).json()["results"]) == count, (name, value)


# --- Dial and actions ------------------------------------------------------------------------------------------------


def test_a_dial_is_accepted_with_its_command(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, CALLS, DIAL)
    command = CallCommand.objects.get()
    assert (answer.status_code, answer["Location"]) == (202, f"{COMMANDS}{command.pk}/")
    body = answer.json()
    assert set(body) >= COMMAND
    assert (body["id"], body["action"], body["status"]) == (str(command.pk), "dial", "queued")
    assert (body["parameters"], body["attempts"], body["call_control_id"]) == (DIAL, [], None)
    assert api.get(answer["Location"]).json() == body


def test_with_several_accounts_a_dial_names_one(api: APIClient, account: TelnyxAccount) -> None:
    make_account("second")
    assert set(problem(send(api, CALLS, DIAL), 400)["errors"]) == {"account"}
    assert send(api, CALLS, DIAL | {"account": "second"}).status_code == 202
    command = CallCommand.objects.get()
    assert (command.account.name, command.parameters) == ("second", DIAL)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, {"connection_id", "from", "to"}),
        (DIAL | {"nonsense": 1}, {"nonsense"}),
        (DIAL | {"from_": "x"}, {"from_"}),
        (DIAL | {"timeout_secs": "30"}, {"timeout_secs"}),
        (DIAL | {"command_id": str(uuid.uuid4())}, {"command_id"}),
        (DIAL | {"account": 7}, {"account"}),
        ([], {"non_field_errors"}),
    ],
)
def test_a_senseless_dial_is_400_under_its_wire_names(
    api: APIClient, account: TelnyxAccount, body: Any, names: set[str]
) -> None:
    assert set(problem(send(api, CALLS, body), 400)["errors"]) == names
    assert not CallCommand.objects.exists()


def test_the_same_idempotency_key_dials_once(api: APIClient, account: TelnyxAccount) -> None:
    key = {"Idempotency-Key": "call ada"}
    first, again = (send(api, CALLS, DIAL, **key) for _ in range(2))
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (202, 202, "true")
    assert (first.json(), first["Location"]) == (again.json(), again["Location"])
    problem(send(api, CALLS, DIAL | {"to": "+13125550002"}, **key), 422, "idempotency_key_reused")
    assert CallCommand.objects.count() == 1
    send(api, CALLS, DIAL)
    assert CallCommand.objects.count() == 2


def test_the_same_idempotency_key_acts_once(api: APIClient, account: TelnyxAccount) -> None:
    call = make_call(account)
    url = f"{CALLS}{call.call_control_id}/actions/"
    for _ in range(2):
        send(api, f"{url}send_dtmf/", {"digits": "1"}, **{"Idempotency-Key": "press"})
    problem(send(api, f"{url}hangup/", {"digits": "1"}, **{"Idempotency-Key": "press"}), 422)
    assert CallCommand.objects.count() == 1


def test_an_action_takes_wire_names(api: APIClient, account: TelnyxAccount) -> None:
    url = f"{CALLS}{make_call(account).call_control_id}/actions/transfer/"
    assert send(api, url, {"to": "+13125550001", "from": "+13125550100"}).status_code == 202
    assert set(problem(send(api, url, {"to": "+13125550001", "form": "x"}), 400)["errors"]) == {"form"}
    assert set(problem(send(api, url, {}), 400)["errors"]) == {"to"}
    assert CallCommand.objects.get().parameters == {"to": "+13125550001", "from": "+13125550100"}


def test_an_action_on_an_unknown_call_is_404(api: APIClient) -> None:
    problem(send(api, f"{CALLS}v3:nobody/actions/answer/"), 404, "not_found")


@pytest.mark.parametrize("name", ["fly", "dial", "with_raw_response", "_post", "Answer", "answer2"])
def test_an_unknown_action_is_404(api: APIClient, account: TelnyxAccount, name: str) -> None:
    problem(send(api, f"{CALLS}{make_call(account).call_control_id}/actions/{name}/"), 404)
    assert not CallCommand.objects.exists()


def test_an_action_on_an_ended_call_is_accepted_and_expired(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, f"{CALLS}{make_call(account, state='ended').call_control_id}/actions/hangup/")
    assert (answer.status_code, answer.json()["status"]) == (202, "expired")
    assert answer.json()["error"] == "The call has already ended."


def test_every_action_asks_for_its_permission(account: TelnyxAccount, user_with: Any) -> None:
    url = f"{CALLS}{make_call(account).call_control_id}/actions"
    costly = {"transfer", "refer"}
    reader = api_for(user_with(*READING, username="reader"))
    controller = api_for(user_with(*READING, "voice.control_call", username="controller"))
    dialler = api_for(user_with(*READING, "voice.dial", username="dialler"))
    for name in actions.names():
        problem(send(reader, f"{url}/{name}/", {"?": 1}), 403)
        refused, allowed = (controller, dialler) if name in costly else (dialler, controller)
        problem(send(refused, f"{url}/{name}/", {"?": 1}), 403)
        assert "?" in problem(send(allowed, f"{url}/{name}/", {"?": 1}), 400)["errors"], name
    for client in (reader, controller):
        problem(send(client, CALLS, DIAL), 403)
    assert not CallCommand.objects.exists()
    assert send(dialler, CALLS, DIAL).status_code == 202


def test_without_seeing_calls_nobody_acts_on_one(account: TelnyxAccount, user_with: Any) -> None:
    client = api_for(user_with("voice.control_call", "voice.dial"))
    problem(send(client, f"{CALLS}{make_call(account).call_control_id}/actions/hangup/"), 403)


@pytest.mark.parametrize(
    ("url", "permission"),
    [
        (CALLS, "voice.view_call"),
        (f"{CALLS}v3:a-leg/", "voice.view_call"),
        (f"{CALLS}v3:a-leg/events/", "voice.view_callevent"),
        (f"{CALLS}v3:a-leg/commands/", "voice.view_callcommand"),
        (EVENTS, "voice.view_callevent"),
        (COMMANDS, "voice.view_callcommand"),
        (f"/api/v1/sessions/{uuid.uuid5(uuid.NAMESPACE_URL, 'session')}/", "voice.view_call"),
        ("/api/v1/flows/", "voice.view_flow"),
    ],
)
def test_reading_takes_the_permission_of_what_is_read(
    account: TelnyxAccount, user_with: Any, url: str, permission: str
) -> None:
    make_call(account)
    others = {*READING, "voice.view_flow", "voice.dial", "voice.control_call"} - {permission}
    problem(api_for(user_with(*others, username="others")).get(url), 403)
    assert api_for(user_with(permission)).get(url).status_code == 200


@pytest.mark.parametrize(
    ("scope", "method", "url"),
    [
        ("calls:read", "get", CALLS),
        ("calls:read", "get", COMMANDS),
        ("calls:read", "get", f"{CALLS}v3:a-leg/events/"),
        ("calls:read", "get", "/api/v1/active-calls/?connection_id=77"),
        ("calls:write", "post", CALLS),
        ("calls:write", "post", f"{CALLS}v3:a-leg/actions/hangup/"),
        ("calls:write", "post", f"{CALLS}v3:a-leg/refresh/"),
        ("events:read", "get", EVENTS),
        ("flows:read", "get", "/api/v1/flows/"),
        ("flows:write", "post", "/api/v1/flows/"),
    ],
)
def test_a_token_needs_the_scope(account: TelnyxAccount, operator: Any, scope: str, method: str, url: str) -> None:
    make_call(account)
    every = {f"{area}:{right}" for area in ("applications", "calls", "events", "flows") for right in ("read", "write")}
    without = getattr(api_for(operator, *(every - {scope})), method)(url, {}, format="json")
    assert scope in problem(without, 403)["detail"]
    assert getattr(api_for(operator, scope), method)(url, {}, format="json").status_code != 403


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
@pytest.mark.parametrize("url", [f"{CALLS}v3:a-leg/", EVENTS, COMMANDS])
def test_what_happened_cannot_be_changed(api: APIClient, account: TelnyxAccount, method: str, url: str) -> None:
    make_call(account)
    problem(getattr(api, method)(url, {}, format="json"), 405)


# --- Asked of Telnyx -------------------------------------------------------------------------------------------------


def test_refresh_asks_telnyx_and_tells_the_end(api: APIClient, ring: Any, http: Any) -> None:
    call = ring()
    url = f"{CALLS}{call.call_control_id}/refresh/"
    assert send(api, url).json()["state"] == "parked"
    http.act(call.call_control_id, "hangup")
    body = send(api, url).json()
    assert (body["state"], set(body) >= CALL) == ("ended", True)


def test_refresh_says_when_telnyx_cannot_be_asked(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, f"{CALLS}{make_call(account).call_control_id}/refresh/")
    problem(answer, 503, "telnyx_unavailable")
    assert answer["Retry-After"]


def test_active_calls_are_told_as_telnyx_tells_them(api: APIClient, ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    body = api.get("/api/v1/active-calls/", {"connection_id": call.connection_id}).json()
    assert set(body) == {"next", "previous", "results"}
    assert [row["call_control_id"] for row in body["results"]] == [call.call_control_id]
    assert len(wire(sandbox, "/v2/connections")) == 1


@pytest.mark.parametrize("connection_id", ["", "../77", "a/b", "7 7"])
def test_active_calls_need_an_application(api: APIClient, account: TelnyxAccount, connection_id: str) -> None:
    answer = api.get("/api/v1/active-calls/", {"connection_id": connection_id})
    assert set(problem(answer, 400)["errors"]) == {"connection_id"}


def test_a_session_is_its_legs_in_order(api: APIClient, account: TelnyxAccount) -> None:
    later = make_call(account, "b")
    first = make_call(account, "a", started_at=later.started_at - timedelta(seconds=5))
    make_call(account, "c", call_session_id="another")
    body = api.get(f"/api/v1/sessions/{first.call_session_id}/").json()
    assert body["call_session_id"] == first.call_session_id
    assert [leg["call_control_id"] for leg in body["calls"]] == ["v3:a-leg", "v3:b-leg"]
    assert set(body["calls"][0]) >= CALL
