"""TeXML's dials: at most one call, within the limits at every door, and the row of an accepted one."""

import html
import json
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.telnyx.schemas import InvalidParameters
from tests.support.commands import now_due
from tests.support.factories import make_call
from tests.support.http_servers import Listener, answer, serving
from tests.support.limits import limit
from tests.support.rest import api_for, problem
from tests.support.rows import Call, CallCommand
from tests.support.texml_resources import (
    CALL,
    DIAL,
    ROOM,
    URL,
    ask_rest,
    everything,
    parts,
    send_only,
    telnyx_texml,
    wired,
)
from voice.catalogue import actions
from voice.catalogue.texml_operations import COMMANDS, DIALS
from voice.dialling import limits
from voice.dispatch import sender
from voice.models import Limits
from voice.texml import calls

pytestmark = pytest.mark.django_db
EVERY_DIAL = sorted(DIALS)
SATELLITE = "+881612345678"


@pytest.mark.parametrize("name", EVERY_DIAL)
def test_503_503_200_makes_at_most_one_call(api: APIClient, name: str) -> None:
    said = [answer("503 No", b"{}"), answer("503 No", b"{}"), answer("200 OK", b'{"call_sid": "v3:new"}')]
    with serving(lambda connection: connection.sendall(said.pop(0))) as server:
        wired(server.url)
        ask_rest(api, name, everything(name))
        for _ in range(4):
            command = send_only()
        assert [raw.split(b" ")[0] for raw in server.requests] == [b"POST"]
    assert (command.status, [one["outcome"] for one in command.attempts]) == ("uncertain", ["uncertain"])


@pytest.mark.parametrize("name", EVERY_DIAL)
def test_a_dial_whose_answer_is_cut_is_uncertain_and_not_sent_again(api: APIClient, name: str) -> None:
    with serving(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{") as server:
        wired(server.url)
        ask_rest(api, name, everything(name))
        for _ in range(3):
            command = send_only()
        assert len(server.requests) == 1
    assert (command.status, "broke" in command.error) == ("uncertain", True)


@pytest.mark.parametrize("name", EVERY_DIAL)
def test_a_sender_that_was_killed_leaves_one_call_at_most(api: APIClient, wire: Listener, name: str) -> None:
    wired(wire.url)
    ask_rest(api, name, everything(name))
    assert sender._claim(CallCommand.objects.get().pk) is not None  # and it is never heard of again
    command = send_only()
    assert (command.status, "sender died" in command.error) == ("uncertain", True)
    assert wire.requests == []


@pytest.mark.parametrize("name", EVERY_DIAL)
def test_a_telnyx_that_was_not_reached_is_asked_again(api: APIClient, wire: Listener, name: str) -> None:
    account = wired("http://127.0.0.1:9")
    ask_rest(api, name, everything(name))
    assert send_only().status == "queued"
    type(account).objects.update(base_url=f"{wire.url}/v2")
    assert send_only().status == "ok"


@pytest.mark.parametrize("name", EVERY_DIAL)
def test_a_blocked_destination_is_refused_before_anything_leaves(api: APIClient, wire: Listener, name: str) -> None:
    wired(wire.url)
    refused = ask_rest(api, name, everything(name) | {"To": SATELLITE})
    assert problem(refused, 403, "limit_exceeded")["limit"] == "blocked_prefixes"
    unreadable = ask_rest(api, name, everything(name) | {"To": "3125550001"})
    assert problem(unreadable, 400)["errors"] == {"To": [limits.UNREADABLE]}
    assert (wire.requests, CallCommand.objects.count()) == ([], 0)


@pytest.mark.parametrize("name", EVERY_DIAL)
def test_the_limits_of_a_token_hold(operator: User, wire: Listener, name: str) -> None:
    wired(wire.url)
    api = api_for(operator)
    Limits.objects.create(token=operator.api_tokens.get(), allowed_countries=["DE"])
    assert problem(ask_rest(api, name, everything(name)), 403)["limit"] == "allowed_countries"
    assert (wire.requests, CallCommand.objects.count()) == ([], 0)


@pytest.mark.parametrize("name", EVERY_DIAL)
def test_dials_are_counted_by_the_minute(api: APIClient, name: str) -> None:
    limit(wired("http://127.0.0.1:9"), dials_per_minute=1)
    assert ask_rest(api, name, everything(name)).status_code == 202
    assert problem(ask_rest(api, name, everything(name)), 403)["limit"] == "dials_per_minute"


def test_a_limit_that_came_since_is_kept_before_it_is_sent(api: APIClient, wire: Listener) -> None:
    account = wired(wire.url)
    ask_rest(api, "texml.calls.dial", DIAL)
    limit(account, blocked_prefixes=["+1312"])
    command = send_only()
    assert (command.status, wire.requests) == ("expired", [])
    assert "blocked_prefixes" in command.error


def test_an_accepted_dial_is_one_call_against_the_limit(api: APIClient, wire: Listener) -> None:
    account = wired(wire.url)
    ask_rest(api, "texml.calls.dial", DIAL)
    assert limits.usage(limits.of_account(account)).concurrent_calls == 1
    send_only()
    assert limits.usage(limits.of_account(account)).concurrent_calls == 1


def test_an_accepted_dial_that_names_no_call_counts_while_it_may_ring(api: APIClient) -> None:
    """As Telnyx documents its answer; the call comes with its first callback, which may go elsewhere."""
    with telnyx_texml(lambda method, path: {"from": DIAL["From"], "to": DIAL["To"], "status": "queued"}) as server:
        account = wired(server.url)
        ask_rest(api, "texml.calls.dial", DIAL)
        command = send_only()
    assert (command.status, command.call) == ("ok", None)
    assert limits.usage(limits.of_account(account)).concurrent_calls == 1
    told = {"direction": "outgoing", "state": "ringing", "to_number": DIAL["To"], "started_at": command.first_sent_at}
    make_call(account, "heard", **told)
    assert limits.usage(limits.of_account(account)).concurrent_calls == 1


def test_a_leg_whose_callback_was_faster_is_not_counted_beside_its_dial(api: APIClient) -> None:
    account = wired("http://127.0.0.1:9")
    ask_rest(api, "texml.calls.dial", DIAL)
    sender._claim(CallCommand.objects.get().pk)
    command = CallCommand.objects.get()
    told = {"direction": "outgoing", "state": "ringing", "to_number": DIAL["To"], "started_at": command.first_sent_at}
    make_call(account, "fast", **told)
    assert limits.usage(limits.of_account(account)).concurrent_calls == 1


@pytest.mark.parametrize("name", EVERY_DIAL)
def test_an_accepted_dial_makes_the_row_of_its_call(api: APIClient, wire: Listener, name: str) -> None:
    account = wired(wire.url)
    ask_rest(api, name, everything(name))
    command = send_only()
    call = Call.objects.get()
    assert (command.call, command.call_control_id) == (call, "v3:new")
    told = (call.account, call.call_control_id, call.direction, call.state, call.from_number, call.to_number)
    assert told == (account, "v3:new", "outgoing", "initiated", "+13125550100", "+13125550001")
    assert call.connection_id == ("app-1" if command.path == ["app-1"] else "text")


def test_an_answer_without_the_calls_sid_is_ok_all_the_same(api: APIClient) -> None:
    with telnyx_texml(lambda method, path: {"from": DIAL["From"], "to": DIAL["To"], "status": "queued"}) as server:
        wired(server.url)
        ask_rest(api, "texml.calls.dial", DIAL)
        command = send_only()
    assert (command.status, command.call, Call.objects.count()) == ("ok", None, 0)


@pytest.mark.parametrize("body", [{"connection_id": 1}, {"connection_id": ""}, {"connection_id": None}])
def test_an_application_that_is_no_id_is_refused_by_name(api: APIClient, body: dict[str, Any]) -> None:
    wired("http://127.0.0.1:9")
    for path in ("calls/", "ai-calls/"):
        assert list(problem(api.post(URL + path, DIAL | body, format="json"), 400)["errors"]) == ["connection_id"]
    with pytest.raises(InvalidParameters):
        calls.dial_with_assistant(wired("http://127.0.0.1:9", "b"), [], PORTAL)


def test_the_account_sid_is_looked_for_before_the_first_dial(api: APIClient) -> None:
    who = {"data": {"organization_id": "org-9", "user_id": "user-9"}}
    with telnyx_texml(lambda method, path: who if path.endswith("/whoami") else None) as server:
        wired(server.url, account_sid="")
        ask_rest(api, "texml.calls.dial", DIAL)
        assert send_only().status == "ok"
        asked = [parts(raw)[:2] for raw in server.requests]
    calls_at = "/v2/texml/Accounts/org-9/Calls"
    assert asked == [("GET", "/v2/whoami"), ("GET", calls_at), ("POST", calls_at)]


def test_where_no_account_sid_can_be_had_the_refusal_says_what_to_enter(api: APIClient) -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(answer("404 No", json.dumps({"errors": [{"detail": "Resource not found"}]}).encode()))

    with serving(behave) as server:
        wired(server.url, account_sid="")
        ask_rest(api, "texml.calls.dial", DIAL)
        command = send_only()
        assert "TELNYX_ACCOUNT_SID" in problem(api.get(f"{URL}calls/"), 422)["detail"]
        assert not [raw for raw in server.requests if raw.startswith(b"POST")]
    assert (command.status, "TELNYX_ACCOUNT_SID" in command.error) == ("refused", True)


def test_one_command_of_a_call_goes_at_a_time_and_a_hang_up_passes(api: APIClient, wire: Listener) -> None:
    make_call(wired(wire.url))
    api.patch(f"{URL}calls/{CALL}/", {"Texml": "<Response/>"}, format="json")
    first = CallCommand.objects.get()
    sender._claim(first.pk)
    CallCommand.objects.filter(pk=first.pk).update(attempts=[{"at": "2026-01-01T00:00:00Z", "outcome": "uncertain"}])
    api.post(f"{URL}calls/{CALL}/recordings/", {}, format="json")
    api.patch(f"{URL}calls/{CALL}/", {"Status": "completed"}, format="json")
    for command in CallCommand.objects.exclude(pk=first.pk):
        sender.send(command.pk)
    assert [parts(raw)[1].rpartition("/")[2] for raw in wire.requests] == [CALL]
    assert CallCommand.objects.get(action="texml.calls.hang_up").status == "ok"
    assert CallCommand.objects.get(action="texml.calls.record").status == "queued"


@pytest.mark.parametrize("name", ["texml.calls.hang_up", "texml.calls.record", "texml.participants.update"])
def test_what_has_ended_is_not_commanded(api: APIClient, wire: Listener, name: str) -> None:
    make_call(wired(wire.url), state="ended")
    made = ask_rest(api, name, everything(name)).json()
    assert (made["status"], made["error"]) == ("expired", "The call has already ended.")
    assert wire.requests == []


def test_a_participants_label_is_no_calls_id(api: APIClient) -> None:
    wired("http://127.0.0.1:9")
    made = api.patch(f"{URL}conferences/{ROOM}/participants/ada/", {"Muted": True}, format="json").json()
    assert (made["call_control_id"], made["action"]) == (None, "texml.participants.update")


def test_a_person_without_the_permission_to_dial_calls_nobody(user_with: Callable[..., User]) -> None:
    wired("http://127.0.0.1:9")
    api = api_for(user_with("voice.control_call"))
    for name in EVERY_DIAL:
        problem(ask_rest(api, name, everything(name)), 403)
    assert not CallCommand.objects.exists()


def test_a_hang_up_of_a_call_that_has_ended_is_so(api: APIClient) -> None:
    gone = answer("422 No", b'{"errors":[{"code":"90018","detail":"Call has already ended"}]}')
    with telnyx_texml(lambda method, path: gone) as server:
        make_call(wired(server.url))
        api.patch(f"{URL}calls/{CALL}/", {"Status": "completed"}, format="json")
        command = send_only()
    assert (command.status, "already ended" in command.settlement) == ("ok", True)


def test_dials_wait_when_telnyx_asks_for_it(api: APIClient, client: Client) -> None:
    slow = answer("429 No", b'{"errors":[{"code":"90103"}]}', retry_after="60")
    with telnyx_texml(lambda method, path: slow if method == "POST" else None) as server:
        wired(server.url)
        ask_rest(api, "texml.calls.dial", DIAL)
        first = CallCommand.objects.get()
        sender.send(first.pk)
        ask_rest(api, "texml.calls.dial", DIAL | {"To": "+13125550002"})
        second = CallCommand.objects.exclude(pk=first.pk).get()
        assert sender.due(9) == []
        sender.send(second.pk)
        assert len(server.requests) == 1
    now_due(second)
    assert "more a second" in CallCommand.objects.get(pk=second.pk).held_why


# --- Documents that come with a command call people, too

TWO = "<Response><Dial><Number>+13125550002</Number><Sip>ada@sip.example.com</Sip></Dial></Response>"


@pytest.mark.parametrize("called", [SATELLITE, "sip:+881612345678@sip.telnyx.com", "{{To}}", "5550001"])
@pytest.mark.parametrize("name", ["texml.calls.dial", "texml.calls.create", "texml.calls.redirect"])
def test_a_document_that_calls_whom_it_may_not_is_refused(
    api: APIClient, wire: Listener, name: str, called: str
) -> None:
    make_call(wired(wire.url))
    given = {"Texml": f"<Response><Dial><Number>{called}</Number></Dial></Response>"}
    given |= {} if name == "texml.calls.redirect" else {"To": DIAL["To"], "From": DIAL["From"]}
    assert ask_rest(api, name, given).status_code in {400, 403}
    assert (wire.requests, CallCommand.objects.count()) == ([], 0)


def test_a_document_that_calls_takes_the_permission_to_dial(user_with: Callable[..., User]) -> None:
    make_call(wired("http://127.0.0.1:9"))
    api = api_for(user_with("voice.control_call"))
    assert api.patch(f"{URL}calls/{CALL}/", {"Texml": "<Response/>"}, format="json").status_code == 202
    problem(api.patch(f"{URL}calls/{CALL}/", {"Texml": TWO}, format="json"), 403)
    both = api_for(user_with("voice.control_call", "voice.dial", username="both"))
    assert both.patch(f"{URL}calls/{CALL}/", {"Texml": TWO}, format="json").status_code == 202


STREAM = '<Response><Start><Stream url="wss://elsewhere.example"/></Start></Response>'


@pytest.mark.parametrize("given", [{"Texml": STREAM}, {"Texml": "<Response><Record/></Response>"}])
def test_a_document_that_has_a_call_heard_takes_the_permission_to_listen(
    user_with: Callable[..., User], given: dict[str, str]
) -> None:
    make_call(wired("http://127.0.0.1:9"))
    refused = api_for(user_with("voice.control_call")).patch(f"{URL}calls/{CALL}/", given, format="json")
    assert "voice.listen_recording" in problem(refused, 403)["detail"]
    rights = ("voice.control_call", "voice.listen_recording", "voice.send_anywhere")
    both = api_for(user_with(*rights, username="both"))
    assert both.patch(f"{URL}calls/{CALL}/", given, format="json").status_code == 202


def test_addresses_in_a_document_are_held_to_the_hosts_of_the_limits(user_with: Callable[..., User]) -> None:
    make_call(account := wired("http://127.0.0.1:9"))
    api = api_for(user_with("voice.control_call", "voice.listen_recording"))
    refused = problem(api.patch(f"{URL}calls/{CALL}/", {"Texml": STREAM}, format="json"), 403, "limit_exceeded")
    assert refused["limit"] == "egress_hosts"
    limit(account, egress_hosts=["elsewhere.example"])
    assert api.patch(f"{URL}calls/{CALL}/", {"Texml": STREAM}, format="json").status_code == 202


def test_a_document_that_cannot_be_read_is_refused_by_line_and_column(api: APIClient) -> None:
    wired("http://127.0.0.1:9")
    refused = api.patch(f"{URL}calls/{CALL}/", {"Texml": "<Response>&</Response>"}, format="json")
    assert "line 1, column 12" in problem(refused, 400)["errors"]["Texml"][0]


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"texml.secrets.save"}))
def test_the_journal_and_the_calls_story_show_it(api: APIClient, browser: Client, name: str) -> None:
    call = make_call(wired("http://127.0.0.1:9"))
    command = CallCommand.objects.get(pk=ask_rest(api, name, everything(name)).json()["id"])
    page = browser.get(f"/admin/voice/callcommand/{command.pk}/change/").content.decode()
    assert actions.label(name) in html.unescape(page)
    if command.call == call:
        story = browser.get(f"/admin/voice/call/{call.pk}/change/").context["entries"]
        assert actions.label(name) in {entry.title for entry in story}


# --- Where media and events go, and who hears them --------------------------------------------------------------------


def to_addresses() -> list[tuple[str, str]]:
    """Every parameter of a TeXML command that names an address; of two commands of one method the one that takes it."""
    named, ends = (
        re.compile(r"\w*(Url|Callback)s?"),
        {("texml.calls.hang_up", "Url"), ("texml.conferences.end", "AnnounceUrl")},
    )
    found = [
        (name, one.name)
        for name in COMMANDS
        for one in COMMANDS[name].parameters()
        if one.kind != "boolean" and named.fullmatch(one.name)
    ]
    return sorted(set(found) - ends)


def test_the_addresses_are_really_found() -> None:
    assert {("texml.calls.start_stream", "Url"), ("texml.calls.dial", "StatusCallback")} <= set(to_addresses())


@pytest.mark.parametrize(("name", "member"), to_addresses())
def test_an_address_of_another_host_is_refused(api: APIClient, name: str, member: str) -> None:
    make_call(account := wired("http://127.0.0.1:9"))
    limit(account, egress_hosts=["media.example.com"])
    parameter = next(one for one in COMMANDS[name].parameters() if one.name == member)
    for host, status in (("evil.example", 403), ("media.example.com", 202)):
        address = f"https://{host}/x"
        given = everything(name) | {member: [address] if parameter.kind == "array" else address}
        others = {other for action, other in to_addresses() if action == name} - {member}
        kept = {key: value for key, value in given.items() if key not in others}
        if name == "texml.calls.redirect" and member != "Url":
            kept["Texml"] = "<Response/>"
        assert ask_rest(api, name, kept).status_code == status, (host, kept)


@pytest.mark.parametrize("name", ["texml.calls.record", "texml.calls.start_stream", "texml.calls.start_siprec"])
def test_what_is_heard_elsewhere_takes_the_permission_to_listen(user_with: Callable[..., User], name: str) -> None:
    make_call(wired("http://127.0.0.1:9"))
    deaf = api_for(user_with("voice.control_call", "voice.send_anywhere"))
    problem(ask_rest(deaf, name, everything(name)), 403)
    hearing = user_with("voice.control_call", "voice.send_anywhere", "voice.listen_recording", username="hearing")
    assert ask_rest(api_for(hearing), name, everything(name)).status_code == 202
