"""What is stuck, with its reason; a release that is refused while anything owns it."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from applications.models import Pull
from portal.actors import PORTAL
from portal.models import AuditEvent, Heartbeat, TelnyxAccount
from portal.view_times import TimePreference
from tests.support.batches import begin
from tests.support.commands import act, dial, made_uncertain, seen
from tests.support.events import receive
from tests.support.factories import make_call, make_event
from tests.support.live_board import text
from tests.support.rows import CallCommand, CallEvent, DialBatch, Recovery
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.dialling import batches
from voice.models import Suspension
from voice.stops import service
from voice.stuck import findings

pytestmark = pytest.mark.django_db
PAGE = "/admin/stuck/"
NOBODY = "00000000-0000-0000-0000-000000000000"


def old(command: CallCommand, **columns: Any) -> CallCommand:
    CallCommand.objects.filter(pk=command.pk).update(created_at=ago(60), **columns)
    return seen(command)


def ask(browser: Client, kind: str, verb: str, row: Any) -> str:
    answer = browser.post(f"{PAGE}{kind}/{verb}/{row.pk}/", follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def soon() -> Any:
    return timezone.now() + timedelta(seconds=30)


@pytest.mark.alone("nothing of anybody's is stuck")
def test_a_portal_that_goes_on_says_so(browser: Client, account: TelnyxAccount) -> None:
    make_call(account)
    page = text(browser, PAGE)
    assert ("Nothing is stuck" in page, "All else goes on" in page) == (True, False)


def test_a_command_that_waits_is_told_with_its_reason_and_dropped(browser: Client, account: TelnyxAccount) -> None:
    told = {"held_since": ago(50), "held_why": "A reason."}
    command = old(act(make_call(account), "speak", payload="x", voice="female"), **told)
    page = text(browser, PAGE)
    assert "A reason." in page
    assert f"{PAGE}command/drop/{command.pk}/" in page
    assert "It is not sent any more" in ask(browser, "command", "drop", command)
    assert (seen(command).status, seen(command).error.split(" said")[0]) == ("expired", "user: operator")
    assert AuditEvent.objects.filter(action="command.drop").count() == 1


def test_a_command_that_a_sender_has_is_released_by_nobody(browser: Client, account: TelnyxAccount) -> None:
    command = act(make_call(account), "speak", payload="x", voice="female")
    owned = old(command, status="sending", first_sent_at=ago(55), lease_until=soon())
    page = text(browser, PAGE)
    assert "A sender has it until" in page
    assert f"/{command.pk}/" not in page.replace(f"callcommand/{command.pk}/", "")
    for verb in ("now", "drop"):
        assert "nothing was changed" in ask(browser, "command", verb, command)
        assert seen(command).lease_until == owned.lease_until


def test_a_command_that_waits_for_its_next_try_is_tried_now(browser: Client, account: TelnyxAccount) -> None:
    command = old(dial(account, "1"), lease_until=soon(), error="Telnyx asked to wait.")
    assert "Telnyx asked to wait." in text(browser, PAGE)
    assert "It is tried now" in ask(browser, "command", "now", command)
    assert seen(command).lease_until is None


@pytest.mark.parametrize(("zone", "clock"), [("Asia/Tokyo", "08:15:36"), ("America/Santiago", "20:15:36")])
def test_until_when_something_waits_is_told_in_the_zone_of_who_looks(
    browser: Client, operator: User, account: TelnyxAccount, zone: str, clock: str
) -> None:
    TimePreference.objects.create(user=operator, time_zone=zone)
    until = datetime(2100, 1, 1, 23, 15, 36, tzinfo=UTC)
    old(dial(account, "1"), lease_until=until)
    old(act(make_call(account), "hangup"), status="sending", first_sent_at=ago(55), lease_until=until)
    receive(account, make_event())
    CallEvent.objects.update(received_at=ago(60), lease_until=until)
    page = text(browser, PAGE)
    assert f"next try at {clock}." in page
    assert f"A sender has it until {clock}." in page
    assert f"its next try, until {clock}." in page


def test_what_was_sent_is_not_dropped(browser: Client, account: TelnyxAccount) -> None:
    command = old(dial(account, "1"), first_sent_at=ago(50), lease_until=ago(1))
    assert "nothing was changed" in ask(browser, "command", "drop", command)
    assert seen(command).status == "queued"


def test_an_event_is_processed_now_unless_somebody_has_it(browser: Client, account: TelnyxAccount) -> None:
    (event,) = receive(account, make_event())
    CallEvent.objects.update(received_at=ago(60), lease_until=soon(), attempts=2, error="ValueError while …")
    assert "Tried 2 of 8 times. ValueError" in text(browser, PAGE)
    assert "nothing was changed" in ask(browser, "event", "now", event)
    CallEvent.objects.update(lease_until=None)
    assert "It is processed now" in ask(browser, "event", "now", event)


def test_a_batch_goes_on_unless_it_is_suspended(browser: Client, api: APIClient, account: TelnyxAccount) -> None:
    batch = batches.pause(begin(api, 2), PORTAL)
    row = service.suspend(account, "", "Fraud", PORTAL)
    assert "Lift that first." in text(browser, PAGE)
    assert "is suspended here" in ask(browser, "batch", "resume", batch)
    assert DialBatch.objects.get().status == "paused"
    service.lift(row, PORTAL)
    ask(browser, "batch", "resume", batch)
    assert DialBatch.objects.get().status == "running"


def test_more_that_is_suspended_than_is_listed_is_told(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice.stuck.admin._SHOWN", 1)
    for connection_id, is_cut in ("1293", False), ("1294", True):
        service.suspend(account, connection_id, "Fraud", PORTAL)
        page = text(browser, PAGE)
        assert (page.count("is suspended here since"), "More is suspended than these 1." in page) == (1, is_cut)


def test_a_run_that_was_killed_is_ended_and_one_that_lives_is_not(browser: Client, account: TelnyxAccount) -> None:
    pull = Pull.objects.create(account=account, kind="call-control-applications", requested_by="user: ada")
    told = {"state": "running", "requested_by": "portal", "started_at": ago(300)}
    recovery = Recovery.objects.create(account=account, seen_alive_at=timezone.now(), **told)
    assert "whoever ran it was killed" not in text(browser, PAGE)
    for kind, row in (("pull", pull), ("recovery", recovery)):
        assert "nothing was changed" in ask(browser, kind, "bury", row)
    Pull.objects.update(seen_alive_at=ago(90))
    Recovery.objects.update(seen_alive_at=ago(300))
    assert text(browser, PAGE).count("whoever ran it was killed") == 2
    for kind, row in (("pull", pull), ("recovery", recovery)):
        assert "the next one may begin" in ask(browser, kind, "bury", row)
        row.refresh_from_db()
        assert row.state == "failed"


def test_a_call_without_an_end_is_asked_for(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account, started_at=ago(90_000))
    assert "its end was not heard" in text(browser, PAGE)
    with telnyx_says(account):
        assert "does not know this call any more" in ask(browser, "call", "ask", call)


def test_of_more_calls_without_an_end_than_are_shown_all_are_a_click_away(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(findings, "MOST", 1)
    old_ones = {make_call(account, leg, call_session_id="", started_at=ago(90_000)).pk for leg in "ab"}
    make_call(account, "c", call_session_id="")
    (url,) = re.findall(r'the first 1, <a class="portal-link" href="([^"]+)">all of them', text(browser, PAGE))
    listed = browser.get(unescape(url)).context_data["rows"]
    assert {row.found.pk for row, _, _ in listed} == old_ones


def test_what_somebody_has_to_decide_and_a_silent_sweep_are_told(browser: Client, account: TelnyxAccount) -> None:
    command = made_uncertain(dial(account, "1"), sent=2000, over=1900)
    CallEvent.objects.create(
        account=account, dedupe_key="d", source="webhook", status="dead", received_at=ago(9), body=b"", attempts=8
    )
    Heartbeat.objects.create(name="sweep", at=ago(600))
    page = text(browser, PAGE)
    for words in ("The sweep has not been heard", f"callcommand/{command.pk}/", "Given up after 8 tries"):
        assert words in page


def test_it_takes_permissions_and_a_post(signed_in: Any, account: TelnyxAccount) -> None:
    command = old(act(make_call(account), "hangup"))
    assert signed_in("voice.view_callevent").get(PAGE).status_code == 403
    window = signed_in("voice.view_callevent", "voice.view_callcommand", username="looks")
    page = text(window, PAGE)
    assert ("Hang" in page, f"command/drop/{command.pk}" in page) == (True, False)
    assert "which is lacking" in ask(window, "command", "drop", command)
    assert seen(command).status == "queued"
    assert window.get(f"{PAGE}command/drop/{command.pk}/").status_code == 405
    assert window.post(f"{PAGE}command/nonsense/{NOBODY}/").status_code == 404


def test_many_rows_cost_no_more_statements(
    browser: Client, account: TelnyxAccount, django_assert_max_num_queries: Any
) -> None:
    for at in range(60):
        old(act(make_call(account, f"l{at}"), "hangup"))
    with django_assert_max_num_queries(30):
        page = text(browser, PAGE)
    assert "the first 50" in page


def test_why_a_batch_is_not_released_is_told_masked_to_who_may_not_see_numbers(
    signed_in: Any, api: APIClient, account: TelnyxAccount
) -> None:
    batch = batches.pause(begin(api), PORTAL)
    Suspension.objects.create(account=account, since=batch.created_at, requested_by="token: +13125550188")
    client = signed_in("voice.view_callevent", "voice.view_callcommand", "voice.dial")
    page = ask(client, "batch", "resume", batch)
    assert ("(token: +1312•••0188)" in page, "3125550188" in page) == (True, False)
