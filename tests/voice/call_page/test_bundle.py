"""The bundle for a ticket: what is in it, for whom, and that it says the same as the page."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from portal.models import AuditEvent, TelnyxAccount
from portal.view_times import TimePreference
from tests.support.call_pages import page
from tests.support.ending_rows import BY_ID, OF_CALLS, store
from tests.support.events import tell
from tests.support.factories import make_call, make_event, run_owed
from tests.support.rows import Call, CallEvent
from tests.support.texml import form
from tests.support.times import ago
from tests.support.webhooks import post_texml
from voice.call_page import bundle as call_bundle
from voice.calls import status
from voice.explanations import rows

pytestmark = pytest.mark.django_db
FILES = {"summary.txt", "call.json", "webhooks.ndjson", "commands.ndjson", "timeline.svg", "timeline.txt"}
_TOLD_AS = (
    "p05-transferred-target-left-first",
    "p26-in-answer-held-back",
    "p36-transfer-target-busy",
    "p39-texml-failed-480",
)


def bundle(client: Client, call: Call) -> dict[str, str]:
    answer = client.get(page(call, "bundle"))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/zip"
    assert answer["Content-Disposition"] == f'attachment; filename="call-{call.pk}.zip"'
    with ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_it_has_what_a_ticket_needs(browser: Client, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    found = bundle(browser, first)
    assert set(found) == FILES
    for text in (first.call_control_id, first.call_session_id, "2026-11-20T14:03:07", "sip_hangup_cause: 200"):
        assert text in found["summary.txt"], text
    assert "The party put through to (+13125550001) hung up" in found["summary.txt"]
    assert len(found["webhooks.ndjson"].splitlines()) == 8
    assert [json.loads(line)["action"] for line in found["commands.ndjson"].splitlines()] == ["answer", "transfer"]
    assert found["timeline.svg"].startswith("<svg")
    assert "Transfer (ok) on leg A" in found["timeline.txt"]


def test_its_times_are_in_utc_whoever_takes_it(browser: Client, operator: User, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin")
    found = bundle(browser, first)
    assert "On 20 November 2026 at 14:03:07 UTC " in found["summary.txt"]
    assert "CET" not in found["summary.txt"]
    command = json.loads(found["commands.ndjson"].splitlines()[0])
    assert json.loads(found["call.json"])["legs"][0]["started_at"] == "2026-11-20T14:03:07.120000Z"
    assert command["created_at"] == "2026-11-20T14:03:07.290000Z"
    assert command["attempts"][0]["at"] == "2026-11-20T14:03:07.320000Z"
    assert "On 20 November 2026 at 15:03:07 CET " in browser.get(page(first)).content.decode()  # *Copy summary*


@pytest.mark.parametrize(("most", "is_cut"), [(8, False), (7, True)])
def test_it_says_that_there_is_more_only_where_there_is(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, most: int, is_cut: bool
) -> None:
    monkeypatch.setattr(call_bundle, "_MOST", most)
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    found = bundle(browser, first)
    assert ("than are packed here" in found["summary.txt"]) is is_cut
    assert len(found["webhooks.ndjson"].splitlines()) == len(json.loads(found["call.json"])["events"]) == most
    types = [json.loads(line)["data"]["event_type"] for line in found["webhooks.ndjson"].splitlines()]
    assert types[-2:] == ["call.hangup"] * 2  # a ticket asks how it ended
    assert AuditEvent.objects.get(action="call.bundle").details["events"] == most


@pytest.mark.parametrize("name", _TOLD_AS)
def test_read_again_it_gives_the_same_verdict(
    browser: Client, account: TelnyxAccount, tmp_path: Path, capsys: Any, name: str
) -> None:
    call, *_ = store(account, OF_CALLS[name])
    case = tmp_path / "call.json"
    case.write_text(bundle(browser, call)["call.json"])
    call_command("explain", file=str(case), format="json")
    told, expected = json.loads(capsys.readouterr().out), rows.verdict_of(call).told()
    assert {key: told[key] for key in ("category", "who", "sentence")} == {
        key: expected[key] for key in ("category", "who", "sentence")
    }


def test_read_again_an_end_that_telnyx_was_asked_for_is_none_that_was_lost(
    browser: Client, signed_in: Any, account: TelnyxAccount, tmp_path: Path, capsys: Any
) -> None:
    tell(account, make_event(seconds=-65), make_event("call.answered", -60))
    call = Call.objects.get(account=account)
    status.merge_answer(call, {"is_alive": False, "end_time": ago(5).isoformat()})
    expected = rows.verdict_of(Call.objects.get(pk=call.pk)).told()
    case = tmp_path / "call.json"
    # who may not see events has none to judge by, and nothing is said of their hang-ups
    for client, code in ((browser, "ended"), (signed_in("voice.view_call"), "never_seen")):
        case.write_text(bundle(client, call)["call.json"])
        call_command("explain", file=str(case), format="json")
        told = json.loads(capsys.readouterr().out)
        assert told["code"] == code
        assert (told["sentence"] == expected["sentence"]) == (code == "ended")


def test_read_again_it_knows_which_way_a_texml_call_went_that_no_callback_told(
    browser: Client, account: TelnyxAccount, tmp_path: Path, capsys: Any
) -> None:
    begun = {"CallStatus": "initiated", "CallbackSource": "call-progress-events", "SequenceNumber": "0"}
    assert post_texml(browser, account, form(**begun, Timestamp=ago(65).isoformat())).status_code == 200
    run_owed()
    CallEvent.objects.update(received_at=ago(65))  # else its webhook came late, and that is why nobody answered
    told = {"state": "ended", "ending": "canceled", "direction": "incoming", "end_time": ago(5).isoformat()}
    call = status.close_as_told(Call.objects.get(account=account), told)
    expected = rows.verdict_of(call).told()
    assert (expected["who"], expected["category"]) == ("caller", "not_answered")
    case = tmp_path / "call.json"
    case.write_text(bundle(browser, call)["call.json"])
    call_command("explain", file=str(case), format="json")
    read = json.loads(capsys.readouterr().out)
    assert {name: read[name] for name in ("code", "who", "sentence")} == {
        name: expected[name] for name in ("code", "who", "sentence")
    }


def test_read_again_an_end_that_telnyx_was_asked_for_is_told_of_a_cut_one_too(
    browser: Client, account: TelnyxAccount, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (call_bundle, rows):
        monkeypatch.setattr(module, "_MOST", 2)
    keys = [make_event("call.dtmf.received", -50 + second, digit="1") for second in range(3)]
    tell(account, make_event(seconds=-65), make_event("call.answered", -60), *keys)
    call = Call.objects.get(account=account)
    status.merge_answer(call, {"is_alive": False, "end_time": ago(5).isoformat()})
    expected = rows.verdict_of(Call.objects.get(pk=call.pk)).told()
    assert expected["code"] == "ended"
    case = tmp_path / "call.json"
    case.write_text(bundle(browser, call)["call.json"])
    call_command("explain", file=str(case), format="json")
    assert json.loads(capsys.readouterr().out)["code"] == "ended"


def test_it_says_how_old_the_call_is(browser: Client, account: TelnyxAccount) -> None:
    now = timezone.now()
    for hours, words in (
        (1 / 60, "1 minute old."),
        (1, "60 minutes old."),
        (5, "5 h old."),
        (50, "too old for most carriers"),
        (99, "too old for Telnyx"),
    ):
        call = make_call(
            account, str(hours), state="ended", started_at=now - timedelta(hours=hours + 1), call_session_id=""
        )
        Call.objects.filter(pk=call.pk).update(ended_at=now - timedelta(hours=hours))
        assert words in bundle(browser, call)["summary.txt"].splitlines()[0]


def test_a_leg_that_the_summary_leaves_out_is_counted(browser: Client, account: TelnyxAccount) -> None:
    now = timezone.now()
    calls = [make_call(account, f"l{at}", state="ended", ended_at=now) for at in range(51)]
    assert "\n1 more leg stands in call.json.\n" in bundle(browser, calls[0])["summary.txt"]


def test_who_may_see_no_number_gets_none(signed_in: Any, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    client = signed_in("voice.view_call", "voice.view_callevent", "voice.view_callcommand")
    found = bundle(client, first)
    assert "•••0143" in found["call.json"]
    said = json.loads(found["call.json"])["explanations"][0]
    assert (said["category"], said["who"]) == ("completed", "callee")
    assert "(+1312•••0001) hung up" in said["sentence"]
    assert found["webhooks.ndjson"]
    for name, text in found.items():
        for number in ("5550143", "5550100", "5550001", "555-0143", "555-0100", "555-0001"):
            assert number not in text, (name, number)


def test_it_holds_what_its_asker_may_see(signed_in: Any, account: TelnyxAccount) -> None:
    first, _ = store(account, BY_ID["p05-transferred-target-left-first"])
    found = bundle(signed_in("voice.view_call"), first)
    assert (found["webhooks.ndjson"], found["commands.ndjson"]) == ("", "")
    assert "Transfer" not in found["timeline.txt"]
    assert signed_in(username="nobody").get(page(first, "bundle")).status_code == 403


def test_it_is_in_the_audit_trail(browser: Client, account: TelnyxAccount) -> None:
    (call,) = store(account, BY_ID["p07-out-busy"])
    bundle(browser, call)
    noted = AuditEvent.objects.get(action="call.bundle")
    assert (noted.actor, noted.object_id) == ("user: operator", str(call.pk))
    assert noted.details == {"events": 2, "commands": 1}


@pytest.mark.parametrize(("legs", "words"), [(51, "1 more leg stands in call.json."), (52, "2 more legs stand in")])
def test_legs_that_the_summary_leaves_out_are_counted(
    browser: Client, account: TelnyxAccount, legs: int, words: str
) -> None:
    for at in range(legs):
        call = make_call(account, f"leg {at}", state="ended")
    assert words in bundle(browser, call)["summary.txt"]
