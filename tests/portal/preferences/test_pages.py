"""Pages beside the call log have their times as who looks reads them, with UTC under the pointer."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from applications.models import CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from portal.view_times import TimePreference
from tests.support.commands import act
from tests.support.factories import make_call
from voice.call_log import query
from voice.models import (
    CallCommand,
    CallEvent,
    CallExport,
    CallNote,
    FollowUp,
    Recording,
    Recovery,
    Stop,
    Suspension,
    TexmlDocument,
    TexmlFetch,
)

AT = datetime(2026, 7, 1, 21, 30, 5, tzinfo=UTC)


@pytest.fixture
def looks(browser: Client, operator: User) -> Any:
    """What a page says of the time, to somebody in Berlin."""
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin", order="dots")

    def look(url: str) -> str:
        answer = browser.get(url)
        assert answer.status_code == 200
        page = answer.content.decode()
        assert 'title="2026-07-01 21:30:05 UTC"' in page
        return page

    return look


def test_the_audit_trail(looks: Any, operator: User) -> None:
    event = AuditEvent.objects.create(at=AT, actor="user: ada", action="sign-in")
    for url in ("/admin/portal/auditevent/", f"/admin/portal/auditevent/{event.pk}/change/"):
        assert "01.07.2026 23:30:05" in looks(url)


def test_what_django_keeps_of_a_person(looks: Any, operator: User) -> None:
    about = {"content_type": ContentType.objects.get_for_model(User), "object_id": operator.pk, "object_repr": "ada"}
    LogEntry.objects.create(user=operator, action_time=AT, action_flag=CHANGE, **about)
    assert "01.07.2026 23:30:05" in looks(f"/admin/auth/user/{operator.pk}/history/")


def test_fetches_and_exports(looks: Any, operator: User, account: TelnyxAccount) -> None:
    document = TexmlDocument.objects.create(account=account, name="menu")
    TexmlFetch.objects.create(document=document, at=AT, version=1, verdict="served", milliseconds=1)
    assert "01.07.2026 23:30:05" in looks("/admin/voice/texmlfetch/")
    CallExport.objects.create(user=operator, format="csv", bound=AT, begun_at=AT, state="done")
    assert "01.07.2026 23:30:05" in looks(reverse("admin:voice_exports"))


def test_recordings_and_notes(looks: Any, account: TelnyxAccount) -> None:
    call = make_call(account, state="ended", started_at=AT - timedelta(minutes=1))
    row = Recording.objects.create(account=account, key="r", recording_id="r", call=call, started_at=AT)
    for url in ("/admin/voice/recording/", f"/admin/voice/recording/{row.pk}/change/"):
        assert "01.07.2026 23:30:05" in looks(url)
    CallNote.objects.create(call=call, text="said so", written_by="ada", at=AT)
    FollowUp.objects.create(call=call, asked_by="ada", at=AT)
    page = looks(f"/admin/voice/call/{call.pk}/change/")
    assert page.count("01.07.2026 23:30<") == 2
    assert "23:30:05</time>" in page  # of the recording
    assert "01.07.2026 23:30" in looks("/admin/voice/followup/")


def test_what_a_form_only_shows(looks: Any, account: TelnyxAccount) -> None:
    told = {"event_type": "call.initiated", "occurred_at": AT, "received_at": AT, "dedupe_key": "1", "body": b"{}"}
    event = CallEvent.objects.create(account=account, **told)
    page = looks(f"/admin/voice/callevent/{event.pk}/change/")
    assert page.count("01.07.2026 23:30:05") == 2
    row = CallControlApplication.objects.create(account=account, telnyx_id="1", created_at=AT)
    assert "01.07.2026 23:30:05" in looks(f"/admin/applications/callcontrolapplication/{row.pk}/change/")


def test_stops(looks: Any, account: TelnyxAccount) -> None:
    Suspension.objects.create(account=account, since=AT, requested_by="user: ada")
    stop = Stop.objects.create(at=AT, requested_by="user: ada", done_at=AT)
    assert "01.07.2026 23:30<" in looks("/admin/stop/")
    assert "01.07.2026 23:30:05" in looks(f"/admin/stop/calls/{stop.pk}/")


def test_the_call_log_and_the_page_of_a_call(looks: Any, account: TelnyxAccount) -> None:
    call = make_call(account, state="ended", started_at=AT)
    listed = looks(query.address("day:2026-07-01"))
    assert ("23:30:05" in listed, "log-half-days" in listed) == (True, False)
    page = looks(f"/admin/voice/call/{call.pk}/change/")
    assert 'Began <span title="2026-07-01T23:30:05+02:00">(CEST)</span>' in page


def test_the_attempts_of_a_command_on_the_page_of_its_call(looks: Any, account: TelnyxAccount) -> None:
    call = make_call(account, started_at=AT)
    command, told = act(call, "answer"), {"http_status": 503, "ms": 12, "code": None}
    tried = [told | {"at": (AT + timedelta(seconds=after)).isoformat()} for after in (0, 2)]
    CallCommand.objects.filter(pk=command.pk).update(attempts=tried)
    page = looks(f"/admin/voice/call/{call.pk}/change/")
    for shown in (">23:30:05</time> · HTTP 503", ">23:30:07</time> · HTTP 503"):
        assert shown in page


def test_the_call_log_and_the_page_of_a_call_in_another_order(
    looks: Any, operator: User, account: TelnyxAccount
) -> None:
    TimePreference.objects.filter(user=operator).update(order="american")
    call = make_call(account, state="ended", started_at=AT, answered_at=AT, ended_at=AT + timedelta(seconds=9))
    listed = looks("/admin/voice/call/")
    assert re.search(r"Jul 1( \d{4})?</span> 11:30:05 PM<", listed)
    assert "log-half-days" in listed
    page = looks(f"/admin/voice/call/{call.pk}/change/")
    for told in (">11:30:05 PM</time>", ">11:30:14 PM</time>", ">07/01/2026</time>"):
        assert told in page


def test_what_is_read_aloud_chosen_or_a_title_in_another_order(
    looks: Any, operator: User, account: TelnyxAccount
) -> None:
    TimePreference.objects.filter(user=operator).update(order="american")
    call = make_call(account, state="ended", started_at=AT)
    assert 'aria-label="Pick the call of 11:30:05 PM"' in looks("/admin/voice/call/")
    row = Recording.objects.create(account=account, key="r", recording_id="r", call=call, started_at=AT)
    assert "Recording 07/01/2026 11:30 PM |" in looks(f"/admin/voice/recording/{row.pk}/change/")
    run = {"state": "done", "requested_by": "portal", "started_at": AT, "seen_alive_at": AT, "since": AT}
    Recovery.objects.create(account=account, **run, until=AT + timedelta(minutes=5))
    assert "07/01/2026 11:30 PM to 07/01/2026 11:35 PM" in looks("/admin/voice/recovery/")


def test_days_begin_in_the_readers_zone(looks: Any, browser: Client, account: TelnyxAccount, operator: User) -> None:
    make_call(account, state="ended", started_at=AT + timedelta(hours=1))  # there it is the next day
    AuditEvent.objects.create(at=AT + timedelta(hours=1), actor="user: ada", action="sign-in")
    words, days = query.address, "/admin/portal/auditevent/?at_from={0}&at_to={0}".format
    for day, is_there in (("2026-07-01", False), ("2026-07-02", True)):
        for url in (words(f"day:{day}"), days(day)):
            assert ("2026-07-01 22:30:05 UTC" in browser.get(url).content.decode()) is is_there, url


def test_reports_have_the_readers_days(looks: Any, browser: Client, account: TelnyxAccount) -> None:
    make_call(account, state="ended", started_at=AT + timedelta(hours=1))
    page = browser.get("/admin/voice/reports/", {"from": "2026-07-02", "to": "2026-07-03"})
    assert page.context["report"].window.begin == AT.replace(hour=22, minute=0, second=0)


def test_the_time_of_figures_is_in_the_readers_order(browser: Client, operator: User, account: TelnyxAccount) -> None:
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin", order="american")
    page = browser.get("/admin/voice/reports/", {"from": "2026-07-02", "to": "2026-07-02"}).content.decode()
    assert ">07/02/2026 12:00 AM</time> – <time" in page
    assert 'title="2026-07-02 22:00:00 UTC">07/03/2026 12:00 AM</time>, compared with' in page
    assert "AM</time> – <time" in browser.get("/admin/").content.decode().replace("PM<", "AM<")
