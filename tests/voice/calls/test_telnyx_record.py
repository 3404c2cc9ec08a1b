"""Telnyx's own record of a call, over REST and on its page."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxUnread
from tests.support.factories import FROM, make_call
from tests.support.rest import api_for, of_call
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.calls import telnyx_record

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def entry(at: int, kind: str = "webhook", name: str = "call.answered") -> dict[str, Any]:
    told = {"status": "delivered", "event": {"payload": {"from": FROM}}}
    stamp = f"2026-01-02T03:04:{at % 60:02}Z"
    return {"type": kind, "name": name, "event_timestamp": stamp, "call_leg_id": "leg", "metadata": told}


def page(entries: list[dict[str, Any]], of: int | None = 1) -> dict[str, Any]:
    return {"data": entries, "meta": {"total_pages": of} if of else {}}


def test_it_is_told_in_order_and_asked_by_leg(account: TelnyxAccount, api: Any) -> None:
    call = make_call(account)
    with telnyx_says(account, call_events=page([entry(9), entry(1, "command", "answer")])) as telnyx:
        answer = api.get(of_call(call, "telnyx-events")).json()
    assert [(one["type"], one["name"]) for one in answer["results"]] == [
        ("command", "answer"),
        ("webhook", "call.answered"),
    ]
    assert (answer["next"], answer["previous"], answer["complete"]) == (None, None, True)
    assert call.call_leg_id.encode() in telnyx.requests[0]


def test_without_a_leg_the_session_is_asked(account: TelnyxAccount, api: Any) -> None:
    call = make_call(account, call_leg_id="")
    with telnyx_says(account, call_events=page([])) as telnyx:
        api.get(of_call(call, "telnyx-events"))
    assert call.call_session_id.encode() in telnyx.requests[0]
    assert b"leg_id" not in telnyx.requests[0]


def test_without_either_nothing_is_asked(account: TelnyxAccount) -> None:
    record = telnyx_record.of_call(make_call(account, call_leg_id="", call_session_id=""))
    assert (record.entries, record.complete) == ([], True)


@pytest.mark.parametrize(("of", "asked", "complete"), [(2, 2, True), (4, 4, True), (9, 4, False), (None, 4, False)])
def test_pages_are_bounded(account: TelnyxAccount, of: int | None, asked: int, complete: bool) -> None:
    full = page([entry(at) for at in range(250)], of)
    with telnyx_says(account, call_events=full) as telnyx:
        record = telnyx_record.of_call(make_call(account))
        assert (len(telnyx.requests), record.complete) == (asked, complete)


def test_numbers_in_it_are_masked_for_who_may_not_see_them(account: TelnyxAccount, user_with: Any, api: Any) -> None:
    call = make_call(account)
    url = of_call(call, "telnyx-events")
    looks = api_for(user_with("voice.view_call", "voice.view_callevent"))
    with telnyx_says(account, call_events=page([entry(1)])):
        assert FROM not in looks.get(url).content.decode()
        assert FROM in api.get(url).content.decode()
        assert api_for(user_with("voice.view_call", username="less")).get(url).status_code == 403


@pytest.mark.parametrize(("said", "status"), [("500 Oops", 503), ("422 Unprocessable Entity", 422), ("429 Slow", 503)])
def test_errors_come_in_words(account: TelnyxAccount, api: Any, browser: Client, said: str, status: int) -> None:
    call = make_call(account)
    with telnyx_says(account, call_events=said):
        answer = api.get(of_call(call, "telnyx-events"))
        assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)
        section = browser.get(f"/admin/voice/call/{call.pk}/telnyx-events/")
        assert (section.status_code, "portal-note-bad" in section.content.decode()) == (200, True)


def test_the_calls_page_offers_it_and_shows_it_on_demand(
    account: TelnyxAccount, browser: Client, signed_in: Any
) -> None:
    call = make_call(account)
    url = f"/admin/voice/call/{call.pk}/telnyx-events/"
    assert url in browser.get(f"/admin/voice/call/{call.pk}/change/").content.decode()
    looks = signed_in("voice.view_call")
    assert url not in looks.get(f"/admin/voice/call/{call.pk}/change/").content.decode()
    assert looks.get(url).status_code == 403
    with telnyx_says(account, call_events=page([entry(1), entry(2, "command", "speak")])):
        section = browser.get(url).content.decode()
    assert "call.answered" in section
    assert re.search(r'portal-busy">command</span>\s*<span>speak</span>', section)
    assert "delivered" in section
    assert FROM in section
    masked = signed_in("voice.view_call", "voice.view_callevent", "voice.view_raw_event", username="masked")
    with telnyx_says(account, call_events=page([entry(1)])):
        assert FROM not in masked.get(url).content.decode()


def test_an_entry_of_another_shape_is_told_as_far_as_it_goes(account: TelnyxAccount, browser: Client) -> None:
    odd = [
        {
            "type": "webhook",
            "name": "call.hangup",
            "occurred_at": "2026-01-02T03:04:09Z",
            "metadata": {"status": "failed"},
        },
        {"name": "answer", "event_timestamp": "2026-01-02T03:04:05Z", "metadata": "none"},
        {"type": "command", "metadata": None},
    ]
    with telnyx_says(account, call_events=page(odd)):
        answer = browser.get(f"/admin/voice/call/{make_call(account).pk}/telnyx-events/")
    lines = [line for line, _ in answer.context["lines"]]
    assert [(line.kind, line.name, line.at and line.at.second, line.status) for line in lines] == [
        ("command", "?", None, ""),
        ("?", "answer", 5, ""),
        ("webhook", "call.hangup", 9, "failed"),
    ]


@pytest.mark.parametrize(("of", "is_whole"), [(1, True), (9, False)])
def test_the_page_says_where_there_is_more_than_it_shows(
    account: TelnyxAccount, browser: Client, of: int, is_whole: bool
) -> None:
    url = f"/admin/voice/call/{make_call(account).pk}/telnyx-events/"
    with telnyx_says(account, call_events=page([entry(at) for at in range(250)], of)):
        section = browser.get(url).content.decode()
    assert ("There is more than is shown" in section) is not is_whole


def test_the_details_of_an_entry_are_for_who_may_see_raw_events(account: TelnyxAccount, signed_in: Any) -> None:
    url = f"/admin/voice/call/{make_call(account).pk}/telnyx-events/"
    looks = ("voice.view_call", "voice.view_callevent")
    with telnyx_says(account, call_events=page([entry(1)])):
        blind = signed_in(*looks).get(url).content.decode()
        seer = signed_in(*looks, "voice.view_raw_event", username="seer").get(url).content.decode()
    assert ("<summary" in blind, "<summary" in seer) == (False, True)


@pytest.mark.parametrize(
    ("kind", "metadata", "found"),
    [
        ("command", {"status": "failed"}, ""),
        ("command", {"status": "success", "errors": [], "telnyx_error": {}}, None),
        ("command", {"errors": {"code": 7}}, "7"),
        ("command", {"errors": ["no", {"title": "No"}, {"error_code": "D1", "code": "2"}]}, "D1"),
        ("command", {"telnyx_error": "no"}, ""),
        ("command", {"telnyx_error": {"code": "x" * 30}}, "x" * 20),  # as long as its column
        ("command", "failed", None),
        ("webhook", {"status": "failed"}, None),
    ],
)
def test_why_a_command_was_refused_is_told_by_its_code_if_there_is_one(
    kind: str, metadata: Any, found: str | None
) -> None:
    assert telnyx_record.refusal({"type": kind, "metadata": metadata}) == found


def test_of_a_leg_that_was_never_dialled_its_dial_tells_why() -> None:
    def told(name: str, **metadata: Any) -> dict[str, Any]:
        return {"type": "command", "name": name, "metadata": metadata}

    speak, dial = told("speak", errors=[{"code": "1"}]), told("calls.dial", errors=[{"code": "2"}])
    assert telnyx_record.refusal_of_dial(telnyx_record.Record([speak, told("dial"), dial], complete=True)) == "2"
    assert telnyx_record.refusal_of_dial(telnyx_record.Record([speak, told("dial")], complete=True)) is None


@pytest.mark.parametrize(
    ("kind", "metadata", "found"),
    [
        ("webhook", {"event": {"id": "e-1"}}, {"id": "e-1"}),
        ("command", {"event": {"id": "e-1"}}, None),
        ("webhook", {"event": "e-1"}, None),
        ("webhook", {}, None),
        ("webhook", "e-1", None),
    ],
)
def test_an_entry_of_a_webhook_holds_its_event(kind: str, metadata: Any, found: dict[str, str] | None) -> None:
    assert telnyx_record.event_of({"type": kind, "metadata": metadata}) == found


def test_a_record_of_an_application_that_does_not_end_is_read_in_20_parts(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telnyx_record, "_MOST_PAGES", 1)

    def further(path: str) -> dict[str, Any]:
        return page([entry(len(telnyx.requests))], 9)

    with telnyx_says(account, call_events=further) as telnyx:
        with pytest.raises(TelnyxUnread, match="could not be read whole"):
            list(telnyx_record.of_application(account, "77", ago(3600)))
        assert len(telnyx.requests) == 20


def test_a_part_of_the_record_of_an_application_has_200_pages(account: TelnyxAccount) -> None:
    asked: list[dict[str, list[str]]] = []

    def further(path: str) -> dict[str, Any]:
        asked.append(parse_qs(urlsplit(path).query))
        return page([entry(9)] if len(asked) <= 200 else [], 999 if len(asked) <= 200 else 1)

    with telnyx_says(account, call_events=further):
        assert len(list(telnyx_record.of_application(account, "77", ago(3600)))) == 201
    assert [query["page[number]"] for query in asked] == [[str(at)] for at in (*range(1, 201), 1)]
