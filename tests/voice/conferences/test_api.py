"""Conferences over REST."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from portal.telnyx import schemas
from tests.support import samples
from tests.support.accounts import make_account
from tests.support.conferences import ROOM, TOLD, make_room, sent, telnyx
from tests.support.factories import make_call
from tests.support.http_servers import Listener
from tests.support.rest import api_for, problem
from tests.support.rows import CallCommand, Conference
from tests.support.telnyx_answers import telnyx_says
from tests.support.texml_resources import parts
from voice.catalogue import actions

MADE = [
    ("conferences.create", "post", "/api/v1/conferences/", ("POST", "/v2/conferences")),
    (
        "conferences.update_participant",
        "patch",
        f"/api/v1/conferences/{ROOM}/participants/v3:a-leg/",
        ("PATCH", f"/v2/conferences/{ROOM}/participants/v3:a-leg"),
    ),
    ("queues.create", "post", "/api/v1/queues/", ("POST", "/v2/queues")),
    ("queues.update", "patch", "/api/v1/queues/support/", ("POST", "/v2/queues/support")),
    ("queues.delete", "delete", "/api/v1/queues/support/", ("DELETE", "/v2/queues/support")),
    (
        "queues.calls.update",
        "patch",
        "/api/v1/queues/support/calls/v3:a-leg/",
        ("PATCH", "/v2/queues/support/calls/v3:a-leg"),
    ),
    (
        "queues.calls.remove",
        "delete",
        "/api/v1/queues/support/calls/v3:a-leg/",
        ("DELETE", "/v2/queues/support/calls/v3:a-leg"),
    ),
]
TOLD_BY_PATH = {"id", "queue_name"}

pytestmark = pytest.mark.django_db


def test_rest_lists_what_telnyx_lists(api: APIClient) -> None:
    with telnyx(conferences=[TOLD]) as server:
        make_account("wired", f"{server.url}/v2")
        told = api.get("/api/v1/conferences/?status=in_progress").json()
        assert (told["results"], told["complete"]) == ([TOLD], True)
        assert b"filter%5Bstatus%5D=in_progress" in server.requests[0]
        assert api.get("/api/v1/conferences/?state=x").status_code == 400


@pytest.mark.parametrize("name", ["name", "status", "connection_id", "leg_id", "application_session_id"])
def test_each_filter_of_telnyxs_is_handed_on(api: APIClient, name: str) -> None:
    with telnyx(conferences=[TOLD]) as server:
        make_account("wired", f"{server.url}/v2")
        assert api.get(f"/api/v1/conferences/?{name}=completed").json()["results"] == [TOLD]
        (raw,) = server.requests
    _, _, asked, _ = parts(raw)
    filters = {key: value for key, value in asked.items() if not key.startswith("page")}
    assert filters == {f"filter[{name}]": "completed"}


@pytest.mark.parametrize("word", ["ended", "in-progress", "COMPLETED"])
def test_a_status_that_no_conference_has_is_refused_and_telnyx_is_not_asked(api: APIClient, word: str) -> None:
    with telnyx(conferences=[TOLD]) as server:
        make_account("wired", f"{server.url}/v2")
        errors = problem(api.get(f"/api/v1/conferences/?status={word}"), 400)["errors"]
        assert server.requests == []
    assert errors == {"status": ["Must be one of init, in_progress, completed."]}


def test_the_document_names_the_statuses_that_the_sdk_has() -> None:
    (filters,) = (one for one in schemas.parameters("conferences.list") if one.name == "filter")
    (status,) = (one for one in filters.fields if one.name == "status")
    document = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    told = {one["name"]: one["schema"] for one in document["paths"]["/api/v1/conferences/"]["get"]["parameters"]}
    assert set(told["status"]["enum"]) == set(status.choices) == {"init", "in_progress", "completed"}
    assert "enum" not in told["name"]


def test_a_list_of_telnyxs_comes_in_pages_where_they_are_asked_for(api: APIClient) -> None:
    rooms = [TOLD | {"id": f"room-{number}"} for number in range(5)]
    with telnyx(conferences=rooms) as server:
        make_account("wired", f"{server.url}/v2")
        assert [one["id"] for one in api.get("/api/v1/conferences/").json()["results"]] == [row["id"] for row in rooms]
        url, pages = "/api/v1/conferences/?page_size=2", []
        while url:
            pages.append(api.get(url).json())
            url = pages[-1]["next"]
        assert [[one["id"] for one in page["results"]] for page in pages] == [
            ["room-0", "room-1"],
            ["room-2", "room-3"],
            ["room-4"],
        ]
        assert [page["complete"] for page in pages] == [True] * 3
        assert pages[0]["previous"] is None
        assert api.get(pages[2]["previous"]).json() == pages[1]
        asked = len(server.requests)
        for odd in ("page_size=x", "cursor=x", "state=x", "page_size=1&page_size=2"):
            assert problem(api.get(f"/api/v1/conferences/?{odd}"), 400)["errors"].keys() == {odd.partition("=")[0]}
        assert len(server.requests) == asked


def test_of_several_accounts_the_one_that_is_named_is_asked(api: APIClient) -> None:
    with telnyx(conferences=[TOLD]) as server:
        make_account("wired", f"{server.url}/v2")
        make_account("other")  # nobody answers there
        assert api.get("/api/v1/conferences/").json()["errors"].keys() == {"account"}
        assert api.get("/api/v1/conferences/?account=nobody").status_code == 400
        assert api.get("/api/v1/conferences/?account=wired").json()["results"] == [TOLD]
    for address, named in (
        ("", {"account": "wired"}),
        ("?account=wired", {}),
        ("?account=wired", {"account": "wired"}),
    ):
        made = api.post(f"/api/v1/queues/{address}", {"queue_name": "support", **named}, format="json")
        assert made.status_code == 202
        command = CallCommand.objects.get(pk=made.json()["id"])
        assert (command.account.name, command.parameters) == ("wired", {"queue_name": "support"})
    made = api.post("/api/v1/queues/?account=other", {"queue_name": "support", "account": "wired"}, format="json")
    assert set(problem(made, 400)["errors"]) == {"account"}
    assert CallCommand.objects.count() == 3


def test_a_conference_nobody_told_us_of_is_asked_for_and_kept(api: APIClient) -> None:
    with telnyx(**{ROOM.replace("-", "_"): TOLD}) as server:
        make_account("wired", f"{server.url}/v2")
        told = [api.get(f"/api/v1/conferences/{ROOM}/").json() for _ in range(2)]
        assert api.get("/api/v1/conferences/unknown/").status_code == 404
        assert len(server.requests) == 2
    assert told[0] == told[1]
    assert (told[0]["id"], told[0]["name"], told[0]["status"]) == (ROOM, "standup", "in_progress")


@pytest.mark.parametrize("address", [f"/api/v1/conferences/{ROOM}/", "/api/v1/queues/support/"])
@pytest.mark.parametrize("said", [{"data": None}, {}])
def test_an_answer_that_cannot_be_read_does_not_say_that_there_is_none(
    api: APIClient, account: TelnyxAccount, address: str, said: dict[str, None]
) -> None:
    with telnyx_says(account, conferences=said, queues=said):
        problem(api.get(f"{address}?account={account.name}"), 503, "telnyx_unavailable")


@pytest.mark.parametrize("told", [{"id": 7}, {"id": "../x"}, {"id": ""}, {"name": "standup"}])
def test_an_answer_that_names_no_conference_makes_none(
    api: APIClient, account: TelnyxAccount, told: dict[str, Any]
) -> None:
    with telnyx_says(account, conferences={"data": told}):
        problem(api.get(f"/api/v1/conferences/{ROOM}/?account={account.name}"), 503, "telnyx_unavailable")
    assert not Conference.objects.exists()


def test_all_that_is_known_of_a_conference_is_told(api: APIClient, account: TelnyxAccount) -> None:
    begun = timezone.now().replace(microsecond=0) - timedelta(hours=2)  # before the neighbour's of the same id
    ended = begun + timedelta(minutes=5)
    make_room(account, conference_id="another", name="another")
    make_room(account, state="completed", connection_id="77", started_at=begun, ended_at=ended, end_reason="all_left")
    assert api.get(f"/api/v1/conferences/{ROOM}/?account={account.name}").json() == {
        **{"id": ROOM, "name": "standup", "account": account.name, "connection_id": "77"},
        **{"status": "completed", "end_reason": "all_left"},
        "started_at": begun.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
        "ended_at": ended.strftime("%Y-%m-%dT%H:%M:%S.000000Z"),
    }


@pytest.mark.parametrize(("length", "kept"), [(255, 255), (256, 0)])
def test_a_queue_with_a_name_that_no_column_holds_is_telnyxs_to_judge(api: APIClient, length: int, kept: int) -> None:
    make_account("wired")
    made = api.post("/api/v1/queues/", {"queue_name": "q" * length}, format="json")
    assert (made.status_code, made.json()["parameters"]) == (202, {"queue_name": "q" * length})
    assert len(CallCommand.objects.get().queue_name) == kept


@pytest.mark.parametrize(
    ("below", "said", "expected"), [("", 404, 422), ("", 403, 422), ("room", 404, 404), ("room", 403, 422)]
)
def test_a_list_that_telnyx_refuses_is_told_so_and_what_it_is_below_may_not_be_found(
    api: APIClient, below: str, said: int, expected: int
) -> None:
    with telnyx(conferences=said, participants=said) as server:
        room = make_room(make_account("wired", f"{server.url}/v2"))
        address = f"{room.conference_id}/participants/" if below else ""
        problem(api.get(f"/api/v1/conferences/{address}"), expected)


@pytest.mark.parametrize(("action", "verb", "url", "expected"), MADE)
def test_rest_sends_every_parameter_of_what_else_there_is(
    api: APIClient, wire: Listener, silent: Listener, action: str, verb: str, url: str, expected: tuple[str, str]
) -> None:
    listener = silent if actions.answers_nothing(action) else wire
    account = make_account("wired", f"{listener.url}/v2")
    make_room(account)
    given = samples.everything(action)
    if action in {"conferences.update_participant", "queues.calls.update"}:
        given = {name: value for name, value in given.items() if name not in TOLD_BY_PATH}
    made = getattr(api, verb)(url, given, format="json")
    assert made.status_code == 202, made.json()
    assert sent(listener) == (*expected, given)


@pytest.mark.parametrize(("action", "verb", "url", "expected"), MADE)
def test_without_the_permission_nothing_is_made(
    user_with: Callable[..., User], room: Conference, action: str, verb: str, url: str, expected: tuple[str, str]
) -> None:
    person = user_with("voice.view_conference", "voice.view_queue", "voice.view_call")
    assert getattr(api_for(person), verb)(url, {}, format="json").status_code == 403
    assert not CallCommand.objects.exists()
    may = user_with("voice.view_conference", "voice.view_queue", actions.permission(action), username="may")
    told = getattr(api_for(may), verb)(url, {"?": 1}, format="json")
    assert told.status_code == 400
    if verb == "delete":  # it has no body that could be right
        assert getattr(api_for(may), verb)(url).status_code == 202


def test_the_document_says_that_whatever_acts_is_answered_202_with_its_command() -> None:
    document = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    acting = [
        (path, verb, operation)
        for path, verbs in document["paths"].items()
        if path.startswith(("/api/v1/conferences/", "/api/v1/queues/"))
        for verb, operation in verbs.items()
        if verb in {"post", "patch", "delete"}
    ]
    assert len(acting) >= len(MADE) + len(actions.conference_names()) - 1
    for path, verb, operation in acting:
        told = operation["responses"]
        assert [code for code in told if code != "default"] == ["202"], f"{verb} {path}"
        assert told["202"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Command"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("conferences/", {"call_control_id": "v3:a-leg", "name": "daily"}),
        (f"conferences/{ROOM}/actions/mute/", {}),
        ("queues/", {"queue_name": "support"}),
    ],
)
def test_a_command_is_made_by_the_key_that_its_request_has(
    api: APIClient, account: TelnyxAccount, path: str, body: dict[str, str]
) -> None:
    """So that a repeat finds it whatever became of the first answer; without a key each is another wish."""
    make_room(account)
    make_call(account)
    for headers, is_by_it in (({"Idempotency-Key": "k"}, True), ({}, False)):
        CallCommand.objects.all().delete()
        made = api.post(f"/api/v1/{path}?account={account.name}", body, format="json", headers=headers)
        assert made.status_code == 202, made.json()
        assert CallCommand.objects.get().intent_key.startswith("person:rest:") is is_by_it


@pytest.mark.parametrize("odd", [7, None, ["support"]])
def test_a_queue_s_name_is_a_text(api: APIClient, odd: Any) -> None:
    make_account("wired")
    refused = api.post("/api/v1/queues/?account=wired", {"queue_name": odd}, format="json")
    assert problem(refused, 400)["errors"].keys() == {"queue_name"}
    assert not CallCommand.objects.exists()
