"""One thing is done for many calls: as many as were shown, by who may, and written down."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.models import AuditEvent, TelnyxAccount
from portal.runtime import wakeups
from tests.support.call_pages import LOG
from tests.support.factories import make_call
from tests.support.rows import Call
from voice.call_log import listing
from voice.call_log.bulk import admin as bulk
from voice.call_log.bulk import selection
from voice.models import CallCommand, CallExport, CallNote, CallTag, FollowUp, Recording
from voice.notes import notes

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it takes what a search finds, of every account")]
MANY = f"{LOG}many/"
BUSY = {"ending": "busy", "ending_category": "busy", "state": "ended"}


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    kept: list[tuple[str, str]] = []
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: kept.append((task, identifier)))
    return kept


@pytest.fixture
def calls(account: TelnyxAccount) -> list[Any]:
    """Three calls of their own; two of them were busy."""
    now = timezone.now()
    return [
        make_call(account, letter, call_session_id=str(uuid.uuid4()), started_at=now - timedelta(minutes=at), **columns)
        for at, (letter, columns) in enumerate((("a", BUSY), ("b", BUSY), ("c", {})))
    ]


def shown(client: Client, **sent: Any) -> dict[str, Any]:
    """Opens the page, and returns what its form sends."""
    page = client.post(MANY, sent)
    assert page.status_code == 200, page
    told = page.context
    form = {"q": told["text"], "scope": told["scope"], "until": told["until"], "count": len(told["chosen"].ids)}
    return form | ({"call": [str(pk) for pk in told["chosen"].ids]} if told["scope"] == "picked" else {})


def done(client: Client, do: str, form: dict[str, Any], **more: Any) -> Any:
    return client.post(MANY, form | {"do": do} | more, follow=True)


def tagged(name: str) -> str:
    rows = CallTag.objects.filter(name=name).order_by("call__call_control_id")
    return "".join(tag.call.call_control_id[3] for tag in rows)


def test_those_that_are_picked_are_tagged_and_it_is_noted_once(browser: Client, calls: list[Any]) -> None:
    form = shown(browser, scope="picked", call=[str(calls[0].pk), str(calls[2].pk)])
    assert "Tagged 2 calls" in done(browser, "tag", form, name="Lost Order").content.decode()
    assert tagged("lost-order") == "ac"
    assert "Tagged 0 calls; 2 had the tag before" in done(browser, "tag", form, name="lost-order").content.decode()
    noted = AuditEvent.objects.filter(action="call.tag_many").order_by("at")[0].details
    assert noted == {"query": "2 picked", "count": 2, "tag": "lost-order", "tagged": 2}


def test_a_tag_that_is_refused_stays_where_it_was_typed(browser: Client, calls: list[Any]) -> None:
    form = shown(browser, scope="all", q="")
    page = done(browser, "tag", form, name="lost/order")
    assert (page.status_code, 'name="name" value="lost/order"' in page.content.decode()) == (400, True)
    assert 'name="name" value=""' in browser.post(MANY, {"scope": "all", "q": ""}).content.decode()


def test_all_that_the_search_finds_is_counted_first_and_what_begins_later_is_left(
    browser: Client, account: TelnyxAccount, calls: list[Any]
) -> None:
    form = shown(browser, scope="all", q="ending:busy")
    assert form["count"] == 2
    make_call(account, "d", call_session_id="", started_at=timezone.now() + timedelta(seconds=5), **BUSY)
    assert done(browser, "tag", form, name="vip").status_code == 200
    assert tagged("vip") == "ab"
    assert AuditEvent.objects.get(action="call.tag_many").details["query"] == "ending:busy"


def test_other_calls_than_were_shown_are_refused(browser: Client, calls: list[Any]) -> None:
    form = shown(browser, scope="all", q="ending:busy")
    Call.objects.filter(pk=calls[0].pk).update(ending_category="rejected", ending="rejected")
    assert "There is 1 now, and 2 were shown" in done(browser, "tag", form, name="vip").content.decode()
    for count in ("", "x", "-2", "9" * 40, "٢"):
        assert done(browser, "tag", form | {"count": count}, name="vip").status_code == 200
    assert not CallTag.objects.exists()


def test_they_are_followed_up_by_one_person_or_whoever_comes_first(browser: Client, calls: list[Any]) -> None:
    form = shown(browser, scope="all", q="")
    done(browser, "follow-up", form, assignee="operator")
    assert {row.assignee.get_username() for row in FollowUp.objects.select_related("assignee")} == {"operator"}
    FollowUp.objects.update(done_at=timezone.now(), done_by="ada")
    assert "3 calls to follow up" in done(browser, "follow-up", form).content.decode()
    assert [(row.assignee, row.done_at, row.done_by) for row in FollowUp.objects.all()] == [(None, None, "")] * 3
    refused = done(browser, "follow-up", form, assignee="nobody")
    assert (refused.status_code, "Nobody of that name" in refused.content.decode()) == (400, True)


def test_open_ones_of_another_person_are_left_to_them(browser: Client, user_with: Any, calls: list[Any]) -> None:
    ada = user_with(username="ada")
    rows = [FollowUp(call=call, assignee=ada, asked_by="bob", at=calls[0].started_at) for call in calls[:2]]
    rows[1].done_at, rows[1].done_by = timezone.now(), "ada"
    FollowUp.objects.bulk_create(rows)
    form = shown(browser, scope="all", q="")
    for whom in ("operator", ""):  # one's own may be handed on
        page = done(browser, "follow-up", form, assignee=whom).content.decode()
        assert "2 calls to follow up" in page
        assert "1 call left as" in page
        kept = FollowUp.objects.select_related("assignee").get(call=calls[0])
        assert (kept.assignee, kept.asked_by, kept.at) == (ada, "bob", calls[0].started_at)
    noted = AuditEvent.objects.filter(action="call.follow_up_many").order_by("at")
    assert [(one.details["asked"], one.details["left"]) for one in noted] == [(2, 1), (2, 1)]


def test_they_are_exported_whichever_they_are(browser: Client, calls: list[Any]) -> None:
    form = shown(browser, scope="picked", call=[str(calls[1].pk)])
    file = b"".join(browser.post(MANY, form | {"do": "export", "format": "csv"}).streaming_content).decode()
    assert len(file.splitlines()) == 2
    assert CallExport.objects.get().query == "1 call: 1 picked"
    assert done(browser, "export", form, format="exe").status_code == 400


def test_what_the_search_did_not_look_at_is_said_with_their_number_and_in_their_file(
    browser: Client, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "MOST_NOTED", 1)
    asked, told = {"scope": "all", "q": "note:refund"}, "note: Only the 1 calls that were noted last count."
    for call in calls[:2]:
        assert told not in browser.post(MANY, {"scope": "all", "q": "ending:busy"}).content.decode()
        CallNote.objects.create(call=call, text="refund", written_by="ada", at=timezone.now())
    assert told in browser.post(MANY, asked).content.decode()
    sent = shown(browser, **asked) | {"do": "export", "format": "csv"}
    file = b"".join(browser.post(MANY, sent).streaming_content).decode()
    assert file.splitlines()[2:] == [f"THIS FILE IS NOT COMPLETE: {told}"]


@pytest.fixture
def recorded(calls: list[Any]) -> list[Any]:
    """Each of them has a recording; that of one has failed."""
    for call in calls:
        status = Recording.Status.FAILED if call is calls[2] else Recording.Status.SAVED
        told = {"key": str(call.pk), "recording_id": str(call.pk), "started_at": call.started_at, "status": status}
        Recording.objects.create(account=call.account, call=call, **told)
    return calls


def test_recordings_are_deleted_once_their_number_is_confirmed(
    browser: Client, recorded: list[Any], woken: list[Any]
) -> None:
    form = shown(browser, scope="all", q="")
    for sent in ({}, {"recordings": "2"}, {"recordings": "3", "sure": "yes"}):
        assert done(browser, "delete", form, **sent).status_code == 400
    one = shown(browser, scope="picked", call=[str(recorded[0].pk)])
    assert "confirm that 1 recording is to be deleted" in done(browser, "delete", one).content.decode()
    assert not CallCommand.objects.exists()
    page = done(browser, "delete", form, recordings="2", sure="yes").content.decode()
    assert "Telnyx is being asked to delete 2 recordings" in page
    assert CallCommand.objects.filter(action="recordings.delete", status="queued").count() == 2
    assert len(woken) == 2
    assert AuditEvent.objects.get(action="recording.delete_many").details["recordings"] == 2
    done(browser, "delete", form, recordings="0", sure="yes")  # again: there is none any more
    assert CallCommand.objects.count() == 2


def test_more_than_the_bounds_are_refused_in_words(
    browser: Client, recorded: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    form = shown(browser, scope="all", q="")
    monkeypatch.setattr(bulk, "MOST_RECORDINGS", 1)
    assert "more than 1 recordings" in browser.post(MANY, {"scope": "all"}).content.decode()
    assert done(browser, "delete", form, recordings="2", sure="yes").status_code == 400
    monkeypatch.setattr(selection, "MOST", 2)
    assert "calls at a time" in browser.post(MANY, {"scope": "all"}, follow=True).content.decode()
    picks = [str(call.pk) for call in recorded]
    assert "3 are picked" in browser.post(MANY, {"scope": "picked", "call": picks}, follow=True).content.decode()
    monkeypatch.setattr(listing, "_REACH", 0)
    page = browser.post(MANY, {"scope": "all", "q": "talk:<9 dir:in"}, follow=True).content.decode()
    assert "No index answers this search" in page


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Pick a call first"),
        ({"scope": "picked", "call": "x"}, "Pick them anew"),
        ({"scope": "picked", "call": str(uuid.uuid4())}, "Pick a call first"),
        ({"scope": "all", "q": "colour:red"}, "Set the search right first"),
        ({"scope": "all", "q": "ending:carrier"}, "finds no call"),
        ({"scope": "all", "q": "", "until": "1999-01-01T00:00:00Z"}, "finds no call"),
    ],
)
def test_what_selects_nothing_is_said(browser: Client, calls: list[Any], sent: dict[str, str], words: str) -> None:
    assert words in browser.post(MANY, sent, follow=True).content.decode()


def test_each_thing_takes_its_permission(signed_in: Any, recorded: list[Any]) -> None:
    client = signed_in("voice.view_call")
    form = shown(client, scope="all", q="")
    page = client.post(MANY, form).content.decode()
    for hidden in ("Tag them", "followed up", "Delete"):
        assert hidden not in page
    sent = {"name": "vip", "recordings": "2", "sure": "yes"}
    assert {do: done(client, do, form, **sent).status_code for do in ("tag", "follow-up", "delete")} == {
        "tag": 403,
        "follow-up": 403,
        "delete": 403,
    }
    assert client.get(MANY).status_code == 405
    other = signed_in("voice.add_calltag", username="other")
    assert other.post(MANY, {"scope": "all"}).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert strict.post(MANY, form).status_code == 403
    assert (CallTag.objects.count(), CallCommand.objects.count()) == (0, 0)


def test_a_call_without_room_for_a_tag_gets_none(browser: Client, calls: list[Any]) -> None:
    rows = [CallTag(call=calls[0], name=f"t{at}", tagged_by="ada", at=timezone.now()) for at in range(20)]
    CallTag.objects.bulk_create(rows)
    page = done(browser, "tag", shown(browser, scope="all", q=""), name="vip").content.decode()
    assert "1 call with 20 tags already" in page
    assert tagged("vip") == "bc"
    refused = done(browser, "tag", shown(browser, scope="all", q=""), name="call +13125550101")
    assert refused.status_code == 400


def test_a_thousand_are_done_in_few_statements(browser: Client, account: TelnyxAccount) -> None:
    now = timezone.now()
    Call.objects.bulk_create(
        [Call(account=account, call_control_id=f"v3:{at}", started_at=now) for at in range(1000)], batch_size=500
    )
    form = shown(browser, scope="all", q="")
    assert form["count"] == 1000
    with CaptureQueriesContext(connection) as captured:
        browser.post(MANY, form | {"do": "tag", "name": "vip"})
    assert CallTag.objects.count() == 1000
    assert len(captured) < 120
