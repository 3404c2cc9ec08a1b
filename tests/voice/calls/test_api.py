"""Calls, sessions and active calls over REST, as the interface page promises them."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from applications.models import CallControlApplication, TexmlApplication
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_call
from tests.support.rest import CALLS, COMMANDS, EVENTS, of_call, problem, send
from tests.support.rest_examples import CALL
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.sandbox_ledger import wire
from tests.support.telnyx_answers import telnyx_says
from voice.calls import api as calls_api
from voice.calls import search, status

pytestmark = pytest.mark.django_db


READING = ("voice.view_call", "voice.view_callevent", "voice.view_callcommand")


def ids(api: APIClient, **query: Any) -> str:
    """The letters of the legs that a filter finds."""
    answer = api.get(CALLS, query)
    assert answer.status_code == 200, answer.content
    return "".join(sorted(row["call_control_id"][3] for row in answer.json()["results"]))


# --- Calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.alone("it lists what there is, of every account")
def test_every_filter_of_calls_finds_what_it_names(api: APIClient, account: TelnyxAccount) -> None:
    now = timezone.now()
    CallControlApplication.objects.create(account=account, telnyx_id="88", application_name="call-router")
    TexmlApplication.objects.create(account=account, telnyx_id=CONNECTION, friendly_name="ivr")
    told = {"ending": "busy", "ending_category": "busy", "ended_by": "callee"}
    make_call(account, "a", from_number="+442071838750", state="ended", hangup_cause="user_busy", **told)
    make_call(account, "b", to_number="+442071838750", direction="outgoing", has_recording=True)
    make_call(account, "c", connection_id="88", started_at=now - timedelta(hours=2), call_session_id="other")
    make_call(make_account("second"), "d")
    assert ids(api) == "abcd"
    expected = {
        "application": {"call-router": "c", "ivr": "ab", "nobody": ""},  # of d the application is another account's
        "connection_id": {"88": "c", CONNECTION: "abd", "8": ""},
        "direction": {"outgoing": "b", "incoming": "acd"},
        "state": {"ended": "a", "answered": "bcd", "lost": ""},
        "number": {"+442071838750": "ab", "8750": "ab", "sip:x@y": ""},
        "from": {"+442071838750": "a", "8750": "a", "+44 20 7183 8750": "a"},
        "to": {"+442071838750": "b", "8750": "b"},
        "hangup_cause": {"user_busy": "a", "busy": ""},
        "ending_category": {"busy": "a", "completed": ""},
        "ended_by": {"callee": "a", "us": ""},
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
        ("state", ""),
        ("started_after", "noon"),
    ],
)
def test_a_filter_with_a_senseless_value_is_400_and_named(api: APIClient, name: str, value: str) -> None:
    assert set(problem(api.get(CALLS, {name: value}), 400)["errors"]) == {name}


@pytest.mark.alone("it lists what there is, of every account")
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


@pytest.mark.alone("it lists what there is, of every account")
@pytest.mark.parametrize(
    "asked",
    [
        {"number": "+13125550001"},
        {"number": "0001"},
        {"number": "0001", "direction": "incoming"},
        {"q": "number:0001"},
        {"q": "0001", "number": "+13125550001"},
    ],
)
def test_a_number_on_either_side_is_paged_as_one_list_each_side_from_its_own_index(
    api: APIClient, account: TelnyxAccount, asked: dict[str, str]
) -> None:
    ours, other, begun = "+13125550001", "+13125550009", timezone.now() - timedelta(hours=1)
    for at in range(9):
        sides = ((ours, other), (other, ours), (other, other))[at % 3]
        told = {"from_number": sides[0], "to_number": sides[1], "started_at": begun + timedelta(seconds=at // 2)}
        make_call(account, f"{at}", call_session_id=f"{at}", direction="incoming", **told)
    number = Q(from_number=ours) | Q(to_number=ours)
    expected = list(
        Call.objects.filter(number).order_by("-started_at", "-id").values_list("call_control_id", flat=True)
    )
    with CaptureQueriesContext(connection) as captured:
        pages = [api.get(CALLS, asked | {"page_size": 2}).json()]
        while pages[-1]["next"]:
            pages.append(api.get(pages[-1]["next"]).json())
    assert [row["call_control_id"] for page in pages for row in page["results"]] == expected
    if len(asked) == 1 or "direction" in asked:
        wheres = [query["sql"].partition("WHERE")[2] for query in captured if 'FROM "voice_call"' in query["sql"]]
        assert not [one for one in wheres if "from_reversed" in one and "to_reversed" in one]
    back = [pages[-1]]
    while back[-1]["previous"]:
        back.append(api.get(back[-1]["previous"]).json())
    assert [row["call_control_id"] for page in reversed(back) for row in page["results"]] == expected


@pytest.mark.alone("it lists what there is, of every account")
@pytest.mark.parametrize(
    ("one", "other"),
    [("number", "q"), ("q", "number"), ("number", "to"), ("from", "number"), ("q", "to"), ("from", "to")],
)
def test_of_two_numbers_each_is_asked_for(api: APIClient, account: TelnyxAccount, one: str, other: str) -> None:
    first, second, third = "+13125550001", "+442071838750", "+13125550009"
    for leg, sides in (("a", (first, second)), ("b", (first, third)), ("c", (third, second)), ("d", (second, third))):
        make_call(account, leg, from_number=sides[0], to_number=sides[1])
    assert ids(api, **{one: first, other: second}) == "a"


@pytest.mark.alone("it lists what there is, of every account")
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


def test_an_unknown_call_is_404(api: APIClient) -> None:
    for path in ("", "events/", "commands/"):
        problem(api.get(f"{CALLS}v3:nobody/{path}"), 404)
    problem(api.post(f"{CALLS}v3:nobody/refresh/"), 404)
    problem(api.get("/api/v1/sessions/nobody/"), 404)


# --- Asked of Telnyx -------------------------------------------------------------------------------------------------


def test_refresh_asks_telnyx_and_tells_the_end(api: APIClient, ring: Any, http: Any) -> None:
    call = ring()
    url = f"{CALLS}{call.call_control_id}/refresh/"
    assert send(api, url).json()["state"] == "parked"
    http.act(call.call_control_id, "hangup")
    body = send(api, url).json()
    assert (body["state"], set(body) >= CALL) == ("ended", True)


def test_refresh_says_when_telnyx_cannot_be_asked(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, of_call(make_call(account), "refresh"))
    problem(answer, 503, "telnyx_unavailable")
    assert answer["Retry-After"]


@pytest.mark.parametrize("said", [{}, {"data": None}, {"data": []}])
def test_an_answer_that_tells_nothing_of_the_call_is_no_maybe(
    api: APIClient, account: TelnyxAccount, said: dict[str, Any]
) -> None:
    call = make_call(account)
    with telnyx_says(account, calls=said):
        answer = send(api, of_call(call, "refresh"))
    problem(answer, 503, "telnyx_unavailable")
    assert answer["Retry-After"]


@pytest.mark.alone("an account need not be named while there is only one")
def test_active_calls_are_told_as_telnyx_tells_them(api: APIClient, ring: Any, sandbox: Sandbox) -> None:
    call = ring()
    body = api.get("/api/v1/active-calls/", {"connection_id": call.connection_id}).json()
    assert (set(body), body["complete"]) == ({"next", "previous", "results", "complete"}, True)
    assert [row["call_control_id"] for row in body["results"]] == [call.call_control_id]
    assert len(wire(sandbox, "/v2/connections")) == 1


@pytest.mark.alone("an account need not be named while there is only one")
def test_active_calls_of_a_slow_telnyx_are_told_as_far_as_there_was_time(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page takes five seconds by the portal's clock, and tells of a next one."""

    def page(path: str) -> dict[str, Any]:
        return {"data": [{"x": 1}], "meta": {"next": "/more", "cursors": {"after": str(len(listener.requests))}}}

    with telnyx_says(account, active_calls=page) as listener:
        for module in (calls_api, status):
            monkeypatch.setattr(module, "uptime", lambda: 5.0 * len(listener.requests))
        body = api.get("/api/v1/active-calls/", {"connection_id": CONNECTION}).json()
        assert (len(body["results"]), body["complete"], len(listener.requests)) == (2, False, 2)


@pytest.mark.parametrize("connection_id", ["", "../77", "a/b", "7 7"])
def test_active_calls_need_an_application(api: APIClient, account: TelnyxAccount, connection_id: str) -> None:
    answer = api.get("/api/v1/active-calls/", {"connection_id": connection_id})
    assert set(problem(answer, 400)["errors"]) == {"connection_id"}


@pytest.mark.alone("it lists what there is, of every account")
def test_a_session_is_its_legs_in_order(api: APIClient, account: TelnyxAccount) -> None:
    later = make_call(account, "b")
    first = make_call(account, "a", started_at=later.started_at - timedelta(seconds=5))
    make_call(account, "c", call_session_id="another")
    body = api.get(f"/api/v1/sessions/{first.call_session_id}/").json()
    assert body["call_session_id"] == first.call_session_id
    assert [leg["call_control_id"] for leg in body["calls"]] == ["v3:a-leg", "v3:b-leg"]
    assert set(body["calls"][0]) >= CALL
    assert body["complete"] is True


@pytest.mark.parametrize(("most", "told"), [(2, "ab"), (3, "abc"), (4, "abc")])
def test_a_session_says_whether_its_legs_are_all(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, most: int, told: str
) -> None:
    now = timezone.now()
    for place, letter in enumerate("abc"):
        make_call(account, letter, call_session_id="of three", started_at=now + timedelta(seconds=place))
    monkeypatch.setattr(search, "_MOST_LEGS", most)
    body = api.get("/api/v1/sessions/of three/").json()
    assert "".join(leg["call_control_id"][3] for leg in body["calls"]) == told
    assert body["complete"] is (told == "abc")
    assert ids(api, call_session_id="of three") == "abc"


def test_a_session_whose_documents_may_have_dialled_further_is_not_told_as_complete(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_call(account, "a", is_texml=True, call_session_id="of a document")
    second = make_call(account, "b", is_texml=True, call_session_id="", parent_control_id=first.call_control_id)
    make_call(account, "c", is_texml=True, call_session_id="", parent_control_id=second.call_control_id)
    for most, legs in ((2, 2), (1000, 3)):
        monkeypatch.setattr(search, "_MOST_LEGS", most)
        body = api.get("/api/v1/sessions/of a document/").json()
        assert (len(body["calls"]), body["complete"]) == (legs, legs == 3)


@pytest.mark.parametrize("direction", ["next", "previous"])
@pytest.mark.parametrize("what", ["events", "commands"])
def test_what_happened_on_a_call_is_paged_whole(
    api: APIClient, account: TelnyxAccount, what: str, direction: str
) -> None:
    call, at = make_call(account, "long"), timezone.now()
    make_call(account, "other")
    for number in range(23):  # half of them of one moment, some without a time of Telnyx's
        if what == "events":
            told = None if number % 5 == 0 else at
            CallEvent.objects.create(
                account=account, call=call, dedupe_key=f"e{number}", occurred_at=told, received_at=at, body=b"{}"
            )
        else:
            CallCommand.objects.create(
                account=account, call=call, action="speak", intent_key=f"c{number}", created_at=at, expires_at=at
            )
    url, seen = f"{CALLS}v3:long-leg/{what}/?page_size=4", list[str]()
    if direction == "previous":
        while following := api.get(url).json()["next"]:
            url = following
    while url:
        page = api.get(url).json()
        assert len(page["results"]) <= 4
        seen += [row["id"] for row in page["results"]]
        url = page[direction]
    assert len(seen) == len(set(seen)) == 23


def test_what_happened_is_told_in_the_order_in_which_it_happened(api: APIClient, account: TelnyxAccount) -> None:
    call, now = make_call(account), timezone.now()
    for name, happened, came in (("late", 30, 1), ("last", 10, 20), ("untimed", None, 15), ("first", 40, 5)):
        CallEvent.objects.create(
            **{"account": account, "call": call, "dedupe_key": name, "event_type": name, "body": b"{}"},
            occurred_at=None if happened is None else now - timedelta(seconds=happened),
            received_at=now - timedelta(seconds=came),
        )
    told = api.get(of_call(call, "events")).json()["results"]
    assert [event["event_type"] for event in told] == ["first", "late", "untimed", "last"]


def test_what_was_sent_is_told_in_the_order_in_which_it_was_asked_for(api: APIClient, account: TelnyxAccount) -> None:
    call, now = make_call(account), timezone.now()
    for name, seconds, sequence in (("c", 5, 1), ("b", 5, 0), ("a", 9, 7)):
        CallCommand.objects.create(
            **{"account": account, "call": call, "action": "speak", "intent_key": name, "requested_by": name},
            **{"created_at": now - timedelta(seconds=seconds), "expires_at": now, "sequence": sequence},
        )
    told = api.get(of_call(call, "commands")).json()["results"]
    assert [command["requested_by"] for command in told] == ["a", "b", "c"]


def test_what_happened_at_one_moment_is_told_in_the_order_in_which_it_came(
    api: APIClient, account: TelnyxAccount
) -> None:
    call, now = make_call(account), timezone.now()
    for name in "cebad":
        CallEvent.objects.create(
            **{"account": account, "call": call, "dedupe_key": name, "event_type": name, "body": b"{}"},
            occurred_at=now - timedelta(minutes=1),
            received_at=now - timedelta(seconds=30 - ord(name) % 32),
        )
    told = api.get(of_call(call, "events")).json()["results"]
    assert [event["event_type"] for event in told] == list("abcde")


def test_a_session_tells_the_application_of_each_leg(api: APIClient, account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="call-router")
    TexmlApplication.objects.create(account=account, telnyx_id="88", friendly_name="ivr")
    elsewhere = make_account("branch")
    CallControlApplication.objects.create(account=elsewhere, telnyx_id="99", application_name="theirs")
    begun = timezone.now() - timedelta(minutes=1)
    for at, connection_id in enumerate((CONNECTION, "88", "99")):
        call = make_call(account, str(at), connection_id=connection_id, started_at=begun + timedelta(seconds=at))
    legs = api.get(f"/api/v1/sessions/{call.call_session_id}/?account={account.name}").json()["calls"]
    assert [leg["application"] for leg in legs] == ["call-router", "ivr", None]


@pytest.mark.parametrize("below", ["events", "commands", "telnyx-events"])
def test_what_is_read_below_a_call_takes_no_filter_that_it_has_not(
    api: APIClient, account: TelnyxAccount, below: str
) -> None:
    url = of_call(make_call(account), below)
    assert set(problem(api.get(f"{url}&stat=x"), 400)["errors"]) == {"stat"}
    assert set(problem(api.get(f"{url}&page_size="), 400)["errors"]) == {"page_size"}


def test_what_is_alive_is_asked_for_by_the_application_and_by_nothing_else(
    api: APIClient, account: TelnyxAccount
) -> None:
    with telnyx_says(account, active_calls={"data": [], "meta": {"total_items": 0}}) as listener:
        url = f"/api/v1/active-calls/?connection_id={CONNECTION}&account={account.name}"
        assert set(problem(api.get(f"{url}&state=answered"), 400)["errors"]) == {"state"}
        assert not listener.requests
