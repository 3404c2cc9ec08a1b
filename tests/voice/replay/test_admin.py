"""Replay in the browser: choose, look, run, and who may."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, FROM, make_event, make_flow, run_owed
from tests.support.webhooks import post_webhook
from voice.models import Call, CallCommand, CallEvent, Replay
from voice.replay import runs

pytestmark = pytest.mark.django_db

NEW = "/admin/voice/replay/new/"
ONLY = "voice.replay_event"


@pytest.fixture
def wrong_call(account: TelnyxAccount) -> Call:
    """A call whose columns somebody spoiled."""
    for document in (make_event(seconds=-20), make_event("call.hangup", -1)):
        assert post_webhook(Client(), account, document).status_code == 200
    run_owed()
    Call.objects.update(state="ringing", ended_at=None, from_number="", from_reversed="")
    return Call.objects.get()


def look(client: Client, **filters: Any) -> str:
    """The address of the dry run's page."""
    answer = client.post(NEW, {"look": "1"} | filters)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_look_then_run(browser: Client, wrong_call: Call) -> None:
    page = look(browser)
    told = text(browser.get(page))
    assert "2 events" in told
    assert "Calls 1 would change" in told
    assert "State ringing → ended" in told
    assert "Ended nothing →" in told
    assert Call.objects.get().state == "ringing"
    assert browser.post(f"{page.replace('change', 'run')}").status_code == 302
    assert Call.objects.get().state == "ended"
    told = text(browser.get(page))
    assert "Calls 1 changed" in told
    assert "without rules and commands" in told
    assert "Run again" not in told


def test_it_says_clearly_that_nothing_would_change(browser: Client, account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    assert "Nothing would change: every call is already what these events tell." in text(browser.get(look(browser)))
    none = text(browser.get(look(browser, statuses="dead")))
    assert "No event is like that." in none
    assert "Run again" not in none


def test_numbers_are_masked_for_those_who_may_not_see_them(signed_in: Any, wrong_call: Call) -> None:
    masked, whole = signed_in(ONLY, username="a"), signed_in(ONLY, "voice.view_full_number", username="b")
    page = look(masked)
    assert "+1312•••0101" in text(masked.get(page))
    assert FROM not in masked.get(page).content.decode()
    assert FROM[::-1] not in masked.get(page).content.decode()
    assert "+1 312-555-0101" in text(whole.get(page))


def test_every_address_takes_the_permission(signed_in: Any, browser: Client, wrong_call: Call) -> None:
    page = look(browser)
    others = signed_in("voice.view_callevent", "voice.view_call", "voice.control_call", "voice.dial")
    for address in ("/admin/voice/replay/", NEW, page):
        assert others.get(address).status_code == 403
    posts = [(NEW, {"look": "1"}), (page.replace("change", "run"), {}), (page.replace("change", "cancel"), {})]
    for address, body in posts:
        assert others.post(address, body).status_code == 403
    event = CallEvent.objects.first()
    listed = others.get("/admin/voice/callevent/").content.decode()
    shown = others.get(f"/admin/voice/callevent/{event.pk}/change/").content.decode()
    assert "/voice/replay/" not in listed + shown
    assert "replay_selected" not in listed
    assert others.post("/admin/voice/callevent/", selected(event)).status_code in {200, 302, 403}
    assert Replay.objects.count() == 1
    assert Replay.objects.get().state == "ready"


def selected(*events: CallEvent) -> dict[str, Any]:
    return {"action": "replay_selected", "_selected_action": [str(event.pk) for event in events]}


def test_what_steers_is_a_post(browser: Client, wrong_call: Call) -> None:
    page = look(browser)
    assert browser.get(page.replace("change", "run")).status_code == 404
    assert browser.get(page.replace("change", "cancel")).status_code == 404
    assert Replay.objects.get().state == "ready"


def test_side_effects_take_the_permission_to_control_calls_and_to_dial(signed_in: Any, account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "transfer", "parameters": {"to": FROM}}]})
    some = signed_in(ONLY, "voice.control_call", username="some")
    page = look(some)
    told = text(some.get(page))
    assert "You may not: it takes the permission to dial." in told
    assert some.post(page.replace("change", "run"), {"side_effects": "1"}).status_code == 403
    assert Replay.objects.get().state == "ready"
    most = signed_in(ONLY, "voice.control_call", "voice.dial", username="most")
    assert "Calls that are going on may really be acted on" in text(most.get(page))
    assert most.post(page.replace("change", "run"), {"side_effects": "1"}).status_code == 302
    assert CallCommand.objects.get().action == "transfer"


def test_side_effects_are_off_unless_asked_for(browser: Client, account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    browser.post(look(browser).replace("change", "run"))
    assert not CallCommand.objects.exists()


def test_a_handler_may_do_anything_so_it_takes_the_permission_to_dial(signed_in: Any, wrong_call: Call) -> None:
    some = signed_in(ONLY, "voice.control_call")
    page = look(some)
    with override_settings(EVENT_HANDLERS=["acme.calls"]):
        assert some.post(page.replace("change", "run"), {"side_effects": "1"}).status_code == 403


def test_the_list_of_events_brings_its_filter_along(browser: Client, wrong_call: Call) -> None:
    query = "status__exact=processed&source__exact=webhook&event_type__icontains=hang&q=v3:a-leg"
    listed = browser.get(f"/admin/voice/callevent/?{query}")
    address = re.search(r'href="(/admin/voice/replay/new/[^"]+)"', listed.content.decode())
    assert address
    within = "&received_at_from_0=2020-01-01&received_at_from_1=00:00:00"
    told = browser.get(address[1].replace("&amp;", "&") + within)
    assert "1 event is like that." in text(told)
    assert 'value="*hang*"' in told.content.decode()
    assert 'value="v3:a-leg"' in told.content.decode()
    assert 'value="2020-01-01 00:00:00"' in told.content.decode()


def test_selected_events_are_looked_at(browser: Client, wrong_call: Call) -> None:
    events = list(CallEvent.objects.all())
    answer = browser.post("/admin/voice/callevent/", selected(*events))
    assert answer.status_code == 302
    row = Replay.objects.get()
    assert (row.state, row.total) == ("ready", 2)
    assert str(row.pk) in answer["Location"]


@pytest.mark.parametrize(
    ("status", "said"), [("dead", "was tried 8 times and given up"), ("quarantined", "is kept and not used")]
)
def test_a_dead_or_quarantined_events_page_offers_to_run_it(
    browser: Client, wrong_call: Call, status: str, said: str
) -> None:
    event = CallEvent.objects.first()
    CallEvent.objects.filter(pk=event.pk).update(status=status, attempts=8, error="why")
    shown = browser.get(f"/admin/voice/callevent/{event.pk}/change/")
    assert said in text(shown)
    assert f'name="ids" value="{event.pk}"' in shown.content.decode()
    page = look(browser, ids=str(event.pk))
    assert "would change" in text(browser.get(page))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("received_from", "yesterday", "Enter a time as"),
        ("received_until", "2026-02-30", "Enter a time as"),
        ("occurred_from", "9" * 50, "at most 40 characters"),
        ("ids", "12", "An event id looks like"),
        ("ids", " ".join(["0ccc7b54-4df3-4bca-a65a-3da1ecc7" + f"{n:04x}" for n in range(1001)]), "1,000 can be given"),
        ("event_types", "call answered!", "An event type looks like"),
        ("event_types", "call.*.ended", "An event type looks like"),
        ("event_types", "*", "An event type looks like"),
        ("statuses", "lost", "not one of the available choices"),
        ("sources", "carrier pigeon", "not one of the available choices"),
        ("account", "nobody", "not one of the available choices"),
        ("application", "no such name", "There is no application of that name"),
        ("call", "a b", "That is not a call control id"),
        ("session", "ü", "That is not a session id"),
        ("call", "v3:\x00", "Null characters are not allowed"),
    ],
)
def test_what_is_wrong_is_told_on_its_field(browser: Client, account: Any, field: str, value: str, said: str) -> None:
    answer = browser.post(NEW, {"look": "1", field: value})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert said in text(answer)
    assert not Replay.objects.exists()
    assert browser.get(NEW, {field: value.replace("\x00", "")}).status_code == 200


def test_a_range_that_ends_before_it_begins_is_told(browser: Client, account: Any) -> None:
    answer = browser.post(NEW, {"received_from": "1h", "received_until": "2h"})
    assert "This is before the beginning." in text(answer)


@pytest.mark.parametrize("garbage", ["x", "0" * 32, "-1"])
def test_an_unknown_one_is_not_found(browser: Client, account: Any, garbage: str) -> None:
    assert browser.get(f"/admin/voice/replay/{garbage}/change/").status_code in {302, 404}


def test_an_unfinished_one_shows_how_far_it_is_and_can_be_cancelled(browser: Client, wrong_call: Call) -> None:
    page = look(browser)
    row = Replay.objects.get()
    runs.begin(row, runs.Actor("user: ada"))
    Replay.objects.update(total=1234, done=617, lease_until=timezone.now())
    shown = browser.get(page)
    assert "617 run again 50 %" in text(shown)
    assert 'hx-trigger="every 1s' in shown.content.decode()
    browser.post(page.replace("change", "cancel"))
    told = text(browser.get(page))
    assert "Cancelled after 617 of 1,234" in told
    assert "every 1s" not in browser.get(page).content.decode()


def test_the_list_tells_what_was_done_by_whom(browser: Client, wrong_call: Call) -> None:
    page = look(browser, statuses="processed")
    browser.post(page.replace("change", "run"))
    told = text(browser.get("/admin/voice/replay/"))
    assert "status processed" in told
    assert "2 of 2" in told
    assert "user: operator" in told


def test_an_application_is_chosen_by_id_or_name(browser: Client, wrong_call: Call, account: TelnyxAccount) -> None:
    from_id = text(browser.post(NEW, {"application": CONNECTION}))
    assert "2 events are like that." in from_id
    other = text(browser.post(NEW, {"application": "99999"}))
    assert "No event is like that." in other


def test_a_filter_can_be_changed_afterwards(browser: Client, wrong_call: Call) -> None:
    page = look(browser, event_types="call.*, call.hangup", received_from="2h", sources=["webhook", "texml"])
    told = browser.post(NEW, fields(browser.get(page)))
    assert "2 events are like that." in text(told)
    assert told.context["form"].cleaned_data["sources"] == ["webhook", "texml"]
    assert 'value="call.*,call.hangup"' in told.content.decode()


def fields(page: Any) -> dict[str, list[str]]:
    """What the button “Change the filter” of a replay's page posts."""
    form = re.search(rf'<form method="post" action="{NEW}">(.*?)</form>', page.content.decode(), re.DOTALL)
    assert form
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form[1]):
        found.setdefault(name, []).append(value)
    return found


def test_the_filter_of_a_thousand_events_can_be_changed_too(browser: Client, wrong_call: Call) -> None:
    ids = [str(event.pk) for event in CallEvent.objects.all()]
    others = [f"0ccc7b54-4df3-4bca-a65a-3da1ecc7{at:04x}" for at in range(998)]
    page = browser.get(look(browser, ids="\n".join(ids + others)))
    links = re.findall(r'href="([^"]+)"', page.content.decode())
    assert max(map(len, links)) < 2000  # a request line of gunicorn's has room for 4,094
    told = browser.post(NEW, fields(page))
    assert "2 events are like that." in text(told)
    assert all(one in told.content.decode() for one in ids + others)


def test_on_a_large_table_a_count_reads_the_newest_and_says_so(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    first, last = CallEvent.objects.order_by("received_at")
    with CaptureQueriesContext(connection) as told:
        shown = text(browser.post(NEW, {"event_types": first.event_type}))
    assert "0 are like that; older ones are not counted here" in shown
    read = [one["sql"] for one in told if '"event_type" =' in one["sql"]]
    assert read
    assert all('"received_at" >' in sql for sql in read)
    assert "1 is like that; older ones are not counted here" in text(
        browser.post(NEW, {"event_types": last.event_type})
    )
    for exact in ({"ids": str(first.pk)}, {"event_types": first.event_type, "received_until": str(first.received_at)}):
        assert "1 event is like that." in text(browser.post(NEW, exact))
    assert "2 events are like that." in text(browser.post(NEW, {"statuses": "processed"}))


def test_what_takes_long_to_find_is_looked_for_by_a_worker_and_not_by_the_page(
    browser: Client, wrong_call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.replay.selection.MOST_LOOKED_THROUGH", 1)
    page = look(browser, event_types="call.hangup")
    row = Replay.objects.get()
    assert (row.state, row.total, runs.is_due(row.pk)) == ("looking", None, True)
    runs.work(row.pk, 5)
    assert "Calls 1 would change" in text(browser.get(page))


def test_the_page_counts_its_lines_once(browser: Client, wrong_call: Call) -> None:
    page = look(browser)
    with CaptureQueriesContext(connection) as told:
        assert "Calls 1 would change" in text(browser.get(page))
    assert len([one for one in told if "COUNT(" in one["sql"] and "voice_replayline" in one["sql"]]) == 1
