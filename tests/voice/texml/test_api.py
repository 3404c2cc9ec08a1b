"""Every TeXML operation of the SDK by REST: what was asked is what reaches the wire."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from portal.masking import without_secrets
from portal.models import AuditEvent
from portal.telnyx.client import client_for
from tests.support.accounts import make_account
from tests.support.http_servers import Listener, answer
from tests.support.rest import api_for, problem
from tests.support.rows import CallCommand
from tests.support.texml_resources import (
    ASKED,
    CALL,
    DIAL,
    ROOM,
    SID,
    URL,
    ask_rest,
    everything,
    methods_of,
    parts,
    send_only,
    telnyx_texml,
    wired,
)
from voice.catalogue import actions
from voice.catalogue.texml_operations import COMMANDS, READS
from voice.dialling import egress, rights

pytestmark = pytest.mark.django_db
SENT_LATER = sorted(COMMANDS.keys() - {"texml.secrets.save"})
# in Telnyx's spec: all others have a form alone
NO_FORM = {"texml.calls.dial", "texml.calls.create", "texml.ai_calls.create"}


def test_every_method_of_the_sdk_is_an_operation_by_name() -> None:
    there = methods_of(client_for(make_account("unsaved")).texml, "texml")
    handled = {one.sdk_method for one in (*READS.values(), *COMMANDS.values())}
    assert sorted(there - handled) == []  # what a newer SDK brings is to be handled
    assert sorted(handled - there) == []
    assert len(there) == 35
    assert set(ASKED) == READS.keys() | COMMANDS.keys()


@pytest.mark.parametrize("name", sorted(READS))
def test_rest_reads_what_telnyx_tells(api: APIClient, wire: Listener, name: str) -> None:
    wired(wire.url)
    told = ask_rest(api, name)
    assert told.status_code == 200, told.json()
    assert told.json()["as_of"].endswith("Z")
    (raw,) = wire.requests
    assert parts(raw)[:2] == ASKED[name][2:]
    if READS[name].rows:
        assert {"next", "previous", "as_of", "results"} == set(told.json())
        assert parts(raw)[2] == {"PageSize": "50"}
    else:
        assert told.json()["sid"] == "sid-1"


@pytest.mark.parametrize("encoding", ["json", "form"])
@pytest.mark.parametrize("name", SENT_LATER)
def test_rest_sends_every_parameter(api: APIClient, wire: Listener, settings: Any, name: str, encoding: str) -> None:
    settings.TELNYX_TEXML_ENCODING = encoding
    wired(wire.url)
    given = everything(name)
    made = ask_rest(api, name, given)
    assert made.status_code == 202, made.json()
    assert (made.json()["action"], made.json()["parameters"]) == (name, without_secrets(given))
    assert list(made.json()["address"]) == list(COMMANDS[name].ids)
    command = send_only()
    assert command.status == "ok", command.error
    (raw,) = wire.requests
    method, path, _, body = parts(raw)
    assert (method, path) == ASKED[name][2:]
    if method == "POST" and encoding == "form" and name not in NO_FORM:
        assert b"content-type: application/x-www-form-urlencoded" in raw.lower()
        assert dict(parse_qsl(body.decode())) == {key: as_form(value) for key, value in given.items()}
    else:
        assert json.loads(body or b"{}") == given


def as_form(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_without_the_permission_nothing_is_made(user_with: Callable[..., User], name: str) -> None:
    wired("http://127.0.0.1:9")
    may_not = user_with("voice.view_call", "voice.view_conference", "voice.view_queue")
    problem(ask_rest(api_for(may_not), name, everything(name)), 403)
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize("name", SENT_LATER)
def test_with_its_permissions_alone_it_is_made(user_with: Callable[..., User], name: str) -> None:
    wired("http://127.0.0.1:9")
    may = user_with(*rights.needed(name, everything(name)), egress.PERMISSION)
    assert ask_rest(api_for(may), name, everything(name)).status_code == 202
    assert (actions.permission(name) == "voice.dial") == (name in actions.NEW_CALLS)


@pytest.mark.parametrize("name", sorted(READS))
def test_without_the_permission_nothing_is_read(user_with: Callable[..., User], wire: Listener, name: str) -> None:
    wired(wire.url)
    problem(ask_rest(api_for(user_with("voice.dial", "voice.control_call")), name), 403)
    assert wire.requests == []


@pytest.mark.parametrize(("scope", "status"), [("texml:read", 200), ("texml:write", 403), ("calls:read", 403)])
def test_reading_takes_the_scope(operator: User, wire: Listener, scope: str, status: int) -> None:
    wired(wire.url)
    assert api_for(operator, scope).get(f"{URL}calls/").status_code == status


@pytest.mark.parametrize(("scope", "status"), [("texml:write", 202), ("texml:read", 403), ("calls:write", 403)])
def test_acting_takes_the_scope(operator: User, scope: str, status: int) -> None:
    wired("http://127.0.0.1:9")
    assert api_for(operator, scope).post(f"{URL}calls/", DIAL, format="json").status_code == status


def test_the_account_is_named_where_there_are_several(api: APIClient, wire: Listener) -> None:
    wired(wire.url)
    wired(wire.url, "other", account_sid="org-2")
    assert "account" in problem(api.get(f"{URL}queues/"), 400)["errors"]
    assert "account" in problem(api.post(f"{URL}calls/", DIAL, format="json"), 400)["errors"]
    assert api.get(f"{URL}queues/?account=other").status_code == 200
    assert "/Accounts/org-2/Queues" in parts(wire.requests[0])[1]
    made = api.post(f"{URL}calls/", DIAL | {"account": "other"}, format="json")
    assert (made.status_code, made.json()["account"], made.json()["parameters"]) == (202, "other", DIAL)
    refused = problem(api.delete(f"{URL}recordings/rec-1/", {"account": "other"}, format="json"), 400)
    assert refused["errors"] == {"account": ["Unknown member."]}
    assert api.delete(f"{URL}recordings/rec-1/?account=other").json()["account"] == "other"


ROW = {
    "sid": CALL,
    "from": "+13125550100",
    "to": "+13125550001",
    "from_formatted": "(312) 555-0100",
    "to_formatted": "+1 312-555-0001",
    "caller_name": "sip:3125550100@example.com",
}
NUMBERS = ("5550100", "5550001", "555-0100", "555-0001")


def test_numbers_are_masked_without_the_permission(user_with: Callable[..., User]) -> None:
    with telnyx_texml(lambda method, path: ROW if CALL in path else {"calls": [ROW]}) as server:
        wired(server.url)
        api = api_for(user_with("voice.view_call"))
        told = [api.get(URL + path).content.decode() for path in ("calls/", f"calls/{CALL}/")]
        whole = api_for(user_with("voice.view_call", "voice.view_full_number", username="whole"))
        assert whole.get(f"{URL}calls/{CALL}/").json()["from_formatted"] == "(312) 555-0100"
    assert [number for number in NUMBERS for text in told if number in text] == []
    assert all("0100" in text for text in told)


def test_what_was_said_is_for_those_who_may_listen(user_with: Callable[..., User]) -> None:
    row = {"sid": "rec-1", "media_url": "https://example.com/a.mp3", "transcription_text": "my secret"}
    with telnyx_texml(lambda method, path: row if "1.json" in path else {"recordings": [row]}) as server:
        wired(server.url)
        deaf, hearing = (
            user_with("voice.view_call"),
            user_with("voice.view_call", "voice.listen_recording", username="b"),
        )
        for path in ("recordings/rec-1/", "transcriptions/tra-1/"):
            told = api_for(deaf).get(URL + path).json()
            assert (told["media_url"], told["transcription_text"]) == (None, None)
        assert api_for(deaf).get(f"{URL}recordings/").json()["results"][0]["media_url"] is None
        assert not AuditEvent.objects.filter(action="recording.listen").exists()
        for _ in range(2):
            assert api_for(hearing).get(f"{URL}recordings/rec-1/").json()["media_url"] == row["media_url"]
    noted = AuditEvent.objects.get(action="recording.listen")  # once in ten minutes, as long as the link is good
    assert (noted.user, noted.object_label) == (hearing, "rec-1")


@pytest.mark.parametrize(
    ("link", "is_whole"),
    [
        ("https://s3.example/a.mp3?X-Amz-Date=20261128T090000Z&X-Amz-Expires=600&X-Amz-Signature=1234567890ab", True),
        ("https://s3.example/+13125550143.mp3?X-Amz-Date=20261128T090000Z", False),
    ],
)
def test_a_link_is_whole_for_who_may_listen_unless_its_path_has_a_number(
    user_with: Callable[..., User], link: str, is_whole: bool
) -> None:
    hearing = api_for(user_with("voice.view_call", "voice.listen_recording"))
    with telnyx_texml(lambda method, path: {"sid": "rec-1", "media_url": link}) as server:
        wired(server.url)
        told = hearing.get(f"{URL}recordings/rec-1/").json()["media_url"]
    assert (told == link) == is_whole
    assert "5550143" not in told


@pytest.mark.parametrize(
    "path", ["recordings/", f"calls/{CALL}/recordings/", f"conferences/{ROOM}/recordings/", "transcriptions/tra-1/"]
)
def test_what_nobody_notes_tells_no_link(api: APIClient, path: str) -> None:
    row = {"sid": "rec-1", "media_url": "https://example.com/a.mp3"}
    with telnyx_texml(lambda method, path: row if "tra-1.json" in path else {"recordings": [row]}) as server:
        wired(server.url)
        told = api.get(URL + path).content
    assert (b"rec-1" in told, b"example.com/a.mp3" in told) == (True, False)


def test_a_recording_without_a_file_is_nothing_that_was_heard(api: APIClient) -> None:
    with telnyx_texml(lambda method, path: {"sid": "rec-1", "media_url": None}) as server:
        wired(server.url)
        assert api.get(f"{URL}recordings/rec-1/").json()["media_url"] is None
    assert not AuditEvent.objects.filter(action="recording.listen").exists()


@pytest.mark.parametrize(
    ("said", "status", "code", "words"),
    [
        (answer("404 No", b'{"errors":[{"detail":"Resource not found"}]}'), 404, "not_found", "Not found."),
        (answer("422 No", b'{"errors":[{"code":10026,"detail":"Bad day"}]}'), 422, "telnyx_refused", "Bad day"),
        (answer("403 No", b"nothing"), 422, "telnyx_refused", "gave no reason"),
        (answer("200 OK", b"<html>", content_type="text/html"), 503, "telnyx_unavailable", "no usable answer"),
        (answer("200 OK", b'"text"'), 503, "telnyx_unavailable", "no usable answer"),
        (answer("500 Oops", b"{}"), 503, "telnyx_unavailable", "could not be read"),
    ],
)
def test_an_error_of_telnyx_is_told_in_words(api: APIClient, said: bytes, status: int, code: str, words: str) -> None:
    with telnyx_texml(lambda method, path: said) as server:
        wired(server.url)
        assert words in problem(api.get(f"{URL}calls/{CALL}/"), status, code)["detail"]


def test_a_list_of_nothing_is_not_found_and_a_wrong_account_is_said_so(api: APIClient) -> None:
    gone = answer("404 No", b'{"errors":[{"detail":"Resource not found"}]}')
    with telnyx_texml(lambda method, path: gone) as server:
        wired(server.url)
        problem(api.get(f"{URL}calls/{CALL}/recordings/"), 404, "not_found")
        assert "no account of this account SID" in problem(api.get(f"{URL}calls/"), 422)["detail"]


def test_a_list_without_its_rows_is_told_in_words(api: APIClient) -> None:
    with telnyx_texml(lambda method, path: {"page": 0}) as server:
        wired(server.url)
        assert "no usable answer" in problem(api.get(f"{URL}queues/"), 503, "telnyx_unavailable")["detail"]


def test_a_refused_command_says_which_field_telnyx_means(api: APIClient) -> None:
    body = b'{"errors":[{"code":"10032","detail":"must be something else","source":{"pointer":"/Beep"}}]}'
    with telnyx_texml(lambda method, path: answer("422 No", body)) as server:
        wired(server.url)
        ask_rest(api, "texml.conferences.announce", {"AnnounceUrl": "https://example.com/a.mp3"})
        command = send_only()
    assert (command.status, command.error_code) == ("refused", "10032")
    assert "must be something else" in command.error


def test_an_answer_that_is_no_json_leaves_a_command_uncertain(api: APIClient) -> None:
    with telnyx_texml(lambda method, path: answer("200 OK", b"OK", content_type="text/plain")) as server:
        wired(server.url)
        ask_rest(api, "texml.calls.redirect", {"Texml": "<Response/>"})
        command = send_only()
    assert (command.status, "cannot be read" in command.error) == ("uncertain", True)


def test_an_unknown_filter_and_a_wrong_value_are_refused_by_name(api: APIClient, wire: Listener) -> None:
    wired(wire.url)
    assert set(problem(api.get(f"{URL}calls/?Stat=x&from=y"), 400)["errors"]) == {"Stat", "from"}
    assert "Status" in problem(api.get(f"{URL}calls/?Status=over"), 400)["errors"]
    assert "page_size" in problem(api.get(f"{URL}calls/?page_size=0"), 400)["errors"]
    assert "listing" in problem(api.get(f"{URL}conferences/{ROOM}/recordings/?listing=xml"), 400)["errors"]
    assert "listing" in problem(api.get(f"{URL}recordings/?listing=json"), 400)["errors"]
    assert wire.requests == []


def test_the_same_key_makes_one_dial(api: APIClient) -> None:
    wired("http://127.0.0.1:9")
    made = [api.post(f"{URL}calls/", DIAL, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [one.status_code for one in made] == [202, 202]
    assert made[0].json()["id"] == made[1].json()["id"]
    assert CallCommand.objects.count() == 1


def test_the_document_has_the_bodies_and_filters_of_the_sdk(client: Any) -> None:
    told = client.get("/api/schema/?format=json").json()
    paths, schemas = told["paths"], told["components"]["schemas"]
    body = paths[f"{URL}calls/{{call_sid}}/"]["patch"]["requestBody"]["content"]["application/json"]["schema"]
    members = schemas[body["allOf"][0]["$ref"].rpartition("/")[2]]["properties"]
    assert {"Status", "Url", "Texml"} <= set(members)
    assert "account_sid" not in members
    wanted = {one["name"] for one in paths[f"{URL}calls/"]["get"]["parameters"]}
    assert {"account", "cursor", "page_size", "To", "StartTime>", "Status"} <= wanted
    assert "PageToken" not in wanted
    assert SID not in json.dumps(told)
