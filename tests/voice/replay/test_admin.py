"""Replay in the browser: choose, look, run, and who may."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import tell
from tests.support.factories import FROM, make_event, make_flow, run_owed
from tests.support.replay_pages import NEW, look, selected, text
from tests.support.rows import Call, CallCommand, CallEvent, Replay, ReplayLine
from tests.support.webhooks import post_webhook
from voice.replay import runs
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db

ONLY = "voice.replay_event"


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
    assert others.post("/admin/voice/callevent/", selected(event)).status_code == 200  # the list: no such action
    assert Replay.objects.get().state == "ready"
    who_may = signed_in("voice.view_callevent", ONLY, username="may")
    for address in ("/admin/voice/replay/", NEW, page):
        assert who_may.get(address).status_code == 200
    for address, body in [*posts, ("/admin/voice/callevent/", selected(event))]:
        assert who_may.post(address, body).status_code == 302
    assert sorted(row.state for row in Replay.objects.all()) == ["done", "ready", "ready"]


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


def test_side_effects_take_the_permission_to_control_calls_where_no_rule_would_act(
    signed_in: Any, wrong_call: Call
) -> None:
    some = signed_in(ONLY)
    page = look(some)
    assert "You may not: it takes the permission to control calls." in text(some.get(page))
    assert some.post(page.replace("change", "run"), {"side_effects": "1"}).status_code == 403
    assert Replay.objects.get().state == "ready"


def test_rules_that_record_take_the_permission_to_listen(signed_in: Any, account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    record = {"action": "start_recording", "parameters": {"channels": "dual", "format": "mp3"}}
    make_flow(account, {"event_type": "call.initiated", "do": [record]})
    some = signed_in(ONLY, "voice.control_call", username="some")
    page = look(some)
    assert "You may not: it takes the permission to listen to recordings." in text(some.get(page))
    assert some.post(page.replace("change", "run"), {"side_effects": "1"}).status_code == 403


def test_rules_of_another_account_take_no_permission(signed_in: Any, account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    dials = {"event_type": "call.initiated", "do": [{"action": "transfer", "parameters": {"to": FROM}}]}
    make_flow(make_account(name="other"), dials)
    some = signed_in(ONLY, "voice.control_call", username="some")
    page = look(some, account=account.name)
    assert "You may not" not in text(some.get(page))
    assert some.post(page.replace("change", "run"), {"side_effects": "1"}).status_code == 302


@pytest.mark.parametrize("named", ["main", ""])
@pytest.mark.parametrize(("active", "status"), [(True, 403), (False, 302)])
def test_rules_of_a_flow_that_is_switched_off_take_no_permission(
    signed_in: Any, account: TelnyxAccount, active: bool, status: int, named: str
) -> None:
    dials = {"event_type": "call.initiated", "do": [{"action": "transfer", "parameters": {"to": FROM}}]}
    make_flow(account, dials, active=active)
    some = signed_in(ONLY, "voice.control_call")
    page = look(some, account=named, statuses="dead")
    assert some.post(page.replace("change", "run"), {"side_effects": "1"}).status_code == status


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
        most = signed_in(ONLY, "voice.control_call", "voice.dial", username="most")
        assert most.post(page.replace("change", "run"), {"side_effects": "1"}).status_code == 302


@pytest.mark.parametrize("garbage", ["x", "0" * 32, "-1"])
def test_an_unknown_one_is_not_found(browser: Client, account: Any, garbage: str) -> None:
    assert browser.get(f"/admin/voice/replay/{garbage}/change/").status_code == 404


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


def test_the_page_counts_its_lines_once(browser: Client, wrong_call: Call) -> None:
    page = look(browser)
    with CaptureQueriesContext(connection) as told:
        assert "Calls 1 would change" in text(browser.get(page))
    assert len([one for one in told if "COUNT(" in one["sql"] and "voice_replayline" in one["sql"]]) == 1


def test_of_many_changes_the_page_shows_a_hundred_and_says_how_many_more_there_are(
    browser: Client, account: TelnyxAccount
) -> None:
    page = look(browser)
    told: dict[str, Any] = {"replay": Replay.objects.get(), "account": account, "kind": "call", "is_rehearsed": True}
    changed = told | {"changes": {"state": ["ringing", "ended"]}}
    ReplayLine.objects.bulk_create(ReplayLine(key=str(at), **changed) for at in range(100))
    said = text(browser.get(page))
    assert ("Calls 100 would change" in said, said.count("State ringing → ended")) == (True, 100)
    assert not re.search(r"And \d+ more", said)
    ReplayLine.objects.create(key="says nothing", **changed | {"changes": {}})
    ReplayLine.objects.create(key="of the run", **changed | {"is_rehearsed": False})
    ReplayLine.objects.create(key="one more", **changed)
    ReplayLine.objects.create(key="an event", **told | {"kind": "event", "said": "It is kept."})
    for kind in ("conference", "participant"):
        ReplayLine.objects.create(key=kind, **changed | {"kind": kind})
    said = text(browser.get(page))
    assert ("Calls 101 would change" in said, said.count("State ringing → ended")) == (True, 102)
    assert "And 1 more. Conferences 2 would change" in said
    assert "Quarantined, dead and failed events 1" in said
    assert "It is kept." in said


def test_a_worker_is_woken_for_what_a_request_leaves_and_for_nothing_else(
    browser: Client, wrong_call: Call, messages: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    messages.clear()
    look(browser)
    assert messages == []
    monkeypatch.setattr("voice.replay.admin._AT_ONCE_SECONDS", 0.0)
    look(browser)
    left = Replay.objects.get(state="looking")
    assert (left.done, messages) == (1, [("voice.work_replay", str(left.pk))])


def test_the_commands_that_a_run_makes_are_woken(
    browser: Client, account: TelnyxAccount, messages: list[tuple[str, str]]
) -> None:
    tell(account, make_event())
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    page = look(browser)
    messages.clear()
    browser.post(page.replace("change", "run"), {"side_effects": "1"})
    assert messages == [("voice.send_command", str(CallCommand.objects.get().pk))]


def test_a_changed_call_leads_to_its_page_and_one_that_is_not_there_yet_to_none(
    browser: Client, wrong_call: Call
) -> None:
    def links(page: str) -> tuple[list[str], bool]:
        shown = browser.get(page).content.decode()
        return re.findall(r'href="/admin/voice/call/([^/"]+)/change/"', shown), 'portal-busy">new</span>' in shown

    assert links(look(browser)) == ([str(wrong_call.pk)], False)
    Call.objects.all().delete()
    page = look(browser)
    assert links(page) == ([], True)
    browser.post(page.replace("change", "run"))
    assert links(page) == ([str(Call.objects.get().pk)], True)


def test_the_list_tells_a_dry_run_from_a_run_and_from_one_with_rules(browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event())
    look(browser, account="")
    for sent in ({}, {"side_effects": "1"}):
        browser.post(look(browser).replace("change", "run"), sent)
    rows = re.findall(r"<tr.*?</tr>", browser.get("/admin/voice/replay/").content.decode(), re.DOTALL)
    words = ("all", "account main", "dry run", "run", "run, with rules and commands")
    cells = [[one for one in words if re.search(rf">\s*{one}\s*<", row)] for row in rows if "user: operator" in row]
    runs_of_main = [["account main", "run, with rules and commands"], ["account main", "run"]]
    assert cells == [*runs_of_main, ["all", "dry run"]]


def test_the_page_is_of_a_dry_run_until_it_is_run_and_counts_what_came_of_its_events(
    browser: Client, wrong_call: Call
) -> None:
    page = look(browser)
    for title in ("Replay: dry run", "Replay"):
        told = browser.get(page).context
        assert (told["title"], told["counts"]) == (title, [(1, "Change something"), (1, "Change nothing")])
        browser.post(page.replace("change", "run"))


def test_a_page_is_there_before_its_events_are_counted_and_of_one_event_all_is_done_with_it(
    browser: Client, account: TelnyxAccount
) -> None:
    tell(account, make_event())
    row = runs.request_dry_run(Selection(account="main"), runs.Actor("user: ada"))
    page = f"/admin/voice/replay/{row.pk}/change/"
    shown = browser.get(page)
    assert ("Events are being counted" in text(shown), shown.context["percent"]) == (True, 0)
    runs.work(row.pk, 5)
    shown = browser.get(page)
    assert (shown.context["replay"].total, shown.context["percent"]) == (1, 100)
