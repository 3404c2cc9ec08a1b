"""The home page and the panel of an application: they show what a person may see."""

import re
import uuid
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from applications.models import CallControlApplication, TexmlApplication
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.commands import act, made_uncertain
from tests.support.counted_calls import count_all
from tests.support.events import tell
from tests.support.factories import make_call, make_event
from tests.support.rows import AccountBreaker, CallCommand
from tests.support.times import ago
from voice import dashboard
from voice.explanations import judging

pytestmark = pytest.mark.django_db


def test_the_home_page_shows_what_a_person_may_see(browser: Client, signed_in: Any, account: TelnyxAccount) -> None:
    make_call(account)
    other = {"leg": "b", "call_session_id": str(uuid.uuid4())}
    tell(account, make_event(**other), make_event("call.hangup", **other, hangup_cause="user_busy"))
    judging.judge_due()
    count_all()
    html = browser.get("/admin/").content.decode()
    for text in ("Live now", "Our channels were full", "Backlog", "Last pull", "555-0101"):
        assert text in html, text
    html = signed_in().get("/admin/").content.decode()
    for text in ("Live now", "Our channels were full", "Backlog", "Last pull", "•0101", "555-0101", "Find a call"):
        assert text not in html, text
    html = signed_in("voice.view_call", username="support").get("/admin/").content.decode()
    assert "Live now" in html
    assert "Our channels were full" in html
    assert "Backlog" not in html
    assert "555-0101" not in html


def test_each_number_of_the_backlog_leads_to_as_many_rows(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account)
    made = [act(call, "speak", payload="x", voice="female") for _ in range(8)]
    for command, status in zip(made, ("sending", "sending", "ok"), strict=False):
        CallCommand.objects.filter(pk=command.pk).update(status=status)
    for command in made[3:6]:
        made_uncertain(command)
    CallCommand.objects.filter(pk=made[5].pk).update(settled_at=ago(5))
    page = browser.get("/admin/").content.decode()
    rows = re.findall(r'<a class="portal-row" href="([^"]+)"><span>([^<]+)[^\n]*</span><b>(\d+)</b></a>', page)
    listed = {url: len(browser.get(url).context["cl"].result_list) for url, _, _ in rows}
    assert {words.strip(): int(number) for _, words, number in rows} == {
        "Events to process": 0,
        "Commands to send": 4,
        "Uncertain commands": 2,
        "Quarantined events": 0,
        "Dead events": 0,
    }
    assert [listed[url] for url, _, _ in rows] == [int(number) for _, _, number in rows]


def test_commands_that_are_held_back_lead_to_those_of_their_account(browser: Client, account: TelnyxAccount) -> None:
    held = act(make_call(account), "hangup")
    act(make_call(make_account("other"), "b"), "hangup")
    AccountBreaker.objects.create(account=account, state="open", since=ago(1), next_probe_at=ago(-60))
    (url,) = re.findall(r'href="([^"]+)"><span>Commands of', browser.get("/admin/").content.decode())
    assert [row.pk for row in browser.get(unescape(url)).context["cl"].result_list] == [held.pk]


# --- The page of an application --------------------------------------------------------------------------------------

DIAL, TEXML_DIAL = "/admin/voice/call/dial/?application=77", "/admin/texml/dial/?application=77"


def panel(client: Client, application: CallControlApplication | TexmlApplication) -> str:
    name = application._meta.model_name
    return client.get(reverse(f"admin:applications_{name}_change", args=[application.pk])).content.decode()


def test_a_texml_application_shows_its_calls_a_way_to_dial_and_texml_s_lists(
    browser: Client, signed_in: Any, account: TelnyxAccount
) -> None:
    application = TexmlApplication.objects.create(account=account, telnyx_id="77", friendly_name="ivr")
    call = make_call(account, connection_id="77")
    html = panel(browser, application)
    lists = [f"{reverse(f'admin:voice_texml_{name}')}?account={account.pk}" for name in ("calls", "queues", "secrets")]
    for part in (reverse("admin:voice_call_change", args=[call.pk]), TEXML_DIAL, *lists):
        assert part in html, part
    assert DIAL not in html
    assert "make one" not in html  # no flow runs for TeXML
    html = panel(signed_in("applications.view_texmlapplication", "voice.view_queue"), application)
    assert [part in html for part in (TEXML_DIAL, *lists)] == [False, False, True, False]


@pytest.mark.parametrize(
    ("columns", "dials"), [({}, True), ({"active": False}, False), ({"missing_since": timezone.now()}, False)]
)
def test_a_dial_is_offered_from_what_can_dial(
    browser: Client, account: TelnyxAccount, columns: dict[str, Any], dials: bool
) -> None:
    values = {"account": account, "telnyx_id": "77", "friendly_name": "ivr"}
    assert (TEXML_DIAL in panel(browser, TexmlApplication.objects.create(**values, **columns))) == dials


@pytest.mark.parametrize("more", [0, 1])
def test_of_more_ways_to_end_than_are_told_that_is_said(browser: Client, account: TelnyxAccount, more: int) -> None:
    values = {"account": account, "telnyx_id": "77", "application_name": "router"}
    application = CallControlApplication.objects.create(**values, webhook_event_url=account.webhook_url)
    for at in range(6 + more):
        make_call(account, str(at), connection_id="77", state="ended", hangup_cause=f"cause_{at}")
    told = panel(browser, application).partition("in the last 24 hours:")[2].partition("</p>")[0]
    assert told.count("1 × cause ") == 6
    assert ("and others" in told) == bool(more)


def test_ends_that_are_told_in_the_same_words_are_told_once(browser: Client, account: TelnyxAccount) -> None:
    values = {"account": account, "telnyx_id": "77", "application_name": "router"}
    application = CallControlApplication.objects.create(**values, webhook_event_url=account.webhook_url)
    ends = [("", "caller"), ("", "callee"), ("", ""), ("user_busy", "unknown"), ("user_busy", "")]
    for at, (cause, source) in enumerate(ends):
        make_call(account, str(at), connection_id="77", state="ended", hangup_cause=cause, hangup_source=source)
    told = panel(browser, application).partition("in the last 24 hours:")[2].partition("</p>")[0]
    assert re.findall(r"(\d+) × ([a-z ]+)<", told) == [("3", "no cause given"), ("2", "busy")]
    assert "and others" not in told


def test_numbers_of_an_application_are_written_with_their_thousands(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = {"count": 12345, "endings": [{"count": 1234, "words": "Busy"}], "more": False}
    monkeypatch.setattr(dashboard, "calls_of_a_day", lambda here: day)
    values = {"account": account, "telnyx_id": "77", "application_name": "router"}
    html = panel(browser, CallControlApplication.objects.create(**values, webhook_event_url=account.webhook_url))
    assert ("12,345 calls in the last 24 hours" in html, "1,234 × busy" in html) == (True, True)


def test_a_call_control_application_shows_no_list_of_texml(browser: Client, account: TelnyxAccount) -> None:
    values = {"account": account, "telnyx_id": "77", "application_name": "router"}
    application = CallControlApplication.objects.create(**values, webhook_event_url=account.webhook_url)
    html = panel(browser, application)
    assert DIAL in html
    assert "of the whole account" not in html


def test_the_page_of_an_account_links_to_texml_s_lists(browser: Client, signed_in: Any, account: TelnyxAccount) -> None:
    url = reverse("admin:portal_telnyxaccount_change", args=[account.pk])
    link = f"{reverse('admin:voice_texml_recordings')}?account={account.pk}"
    assert link in browser.get(url).content.decode()
    assert link not in signed_in("portal.view_telnyxaccount").get(url).content.decode()
    assert link in signed_in("portal.view_telnyxaccount", "voice.view_call", username="b").get(url).content.decode()
