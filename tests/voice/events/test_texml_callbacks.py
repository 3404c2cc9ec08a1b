"""TeXML's callbacks at their door: which are let in, told apart, and taken for a repeat."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from nacl.signing import SigningKey
from rest_framework.test import APIClient

from applications.models import TexmlApplication
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_flow, run_owed
from tests.support.payloads import named
from tests.support.rest import api_for
from tests.support.rows import Call, CallCommand, CallEvent
from tests.support.signing import signed
from tests.support.texml import SID, form, stored
from tests.support.webhooks import post_texml
from voice.events import intake
from voice.events.processing import process

pytestmark = pytest.mark.django_db


def progress(status: str, number: int = 0, **fields: str) -> bytes:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    told = {"CallStatus": status, "CallbackSource": "call-progress-events", "SequenceNumber": str(number)}
    return form(**(told | {"Timestamp": now} | fields))


@pytest.mark.parametrize("path", ["", "status", "status/", "a/b-c/d_1/", "x" * 200])
def test_any_path_below_texml_is_the_door(client: Client, account: TelnyxAccount, path: str) -> None:
    answer = post_texml(client, account, form(), path)
    assert (answer.status_code, answer.content) == (200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>')
    assert CallEvent.objects.get().source == "texml"


@pytest.mark.parametrize("path", ["x" * 201, "a//b", "/a", "a.b", "a;b", "a%0a", "é", "..", "a/../b", "a b"])
def test_any_other_path_is_404_and_never_a_redirect(client: Client, account: TelnyxAccount, path: str) -> None:
    assert post_texml(client, account, form(), path).status_code == 404
    assert not CallEvent.objects.exists()


def test_texml_without_its_slash_is_404(client: Client, account: TelnyxAccount) -> None:
    url = f"/webhooks/{account.webhook_token}/texml"
    assert client.post(url, form(), content_type="text/plain", headers=signed(form())).status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options", "patch", "trace"])
def test_other_methods_are_405_so_that_nothing_comes_unsigned_in_a_query(
    client: Client, account: TelnyxAccount, method: str
) -> None:
    answer = getattr(client, method)(f"/webhooks/{account.webhook_token}/texml/status?CallSid={SID}")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert not CallEvent.objects.exists()


def test_a_forged_a_stale_and_an_unsigned_callback_are_400_and_store_nothing(
    client: Client, account: TelnyxAccount
) -> None:
    url = f"/webhooks/{account.webhook_token}/texml/status"
    kind = "application/x-www-form-urlencoded"
    assert post_texml(client, account, form(), key=SigningKey.generate()).status_code == 400
    assert post_texml(client, account, form(), now=1_000_000_000).status_code == 400
    assert client.post(url, form(), content_type=kind).status_code == 400
    changed = form().replace(b"one", b"two")
    assert client.post(url, changed, content_type=kind, headers=signed(form())).status_code == 400
    assert not CallEvent.objects.exists()


def test_the_previous_key_verifies_a_callback_while_a_rotation_is_under_way(
    client: Client, account: TelnyxAccount
) -> None:
    account.previous_public_key, account.public_key = account.public_key, "A" * 43 + "="
    account.save()
    assert post_texml(client, account, form()).status_code == 200


def test_an_unknown_token_is_404_a_large_body_413_and_no_key_503(client: Client, account: TelnyxAccount) -> None:
    body = form() + b"&a=" + b"x" * (1024 * 1024)
    assert post_texml(client, account, body).status_code == 413
    TelnyxAccount.objects.update(public_key="")
    assert post_texml(client, account, form()).status_code == 503
    account.webhook_token = "nobody"
    assert post_texml(client, account, form()).status_code == 404


def test_a_database_that_is_away_is_503(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: object) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(intake, "record", away)
    assert post_texml(client, account, form()).status_code == 503


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "CallSid"),
        (b"CallSid", "CallSid"),
        (b'{"data": {}}', "CallSid"),
        (b"<Response/>", "CallSid"),
        (b"CallSid=v3:a&CallSid=v3:b", "twice"),
        (b"CallSid=v3:a&CallStatus=ringing&CallStatus=completed", "twice"),
        (b"CallSid=v3:a%ff&From=1", "CallSid"),
        (b"CallSid=../..&From=1", "CallSid"),
        (b"CallSid=&From=1", "CallSid"),
        (b"From=%2B13125550143&To=%2B13125550100", "CallSid"),
        (b"CallSid=v3:a&" + b"&".join(b"f%d=1" % at for at in range(1000)), "1000 fields"),
    ],
)
def test_a_signed_form_that_cannot_be_used_is_quarantined_and_answered_200(
    client: Client, account: TelnyxAccount, body: bytes, why: str
) -> None:
    event = stored(client, account, body)
    assert (event.status, event.payload, bytes(event.body)) == ("quarantined", None, body)
    assert why in event.error


def test_a_thousand_fields_are_read_whatever_django_would_bear(client: Client, account: TelnyxAccount) -> None:
    body = b"CallSid=v3:a&" + b"&".join(b"f%d=1" % at for at in range(999))
    event = stored(client, account, body)
    assert event.payload is not None
    assert (event.status, len(event.payload)) == ("received", 1000)


@pytest.mark.parametrize(
    ("bad", "name", "read"),
    [
        (b"CallerName=M%FCller", "CallerName", "M\ufffdller"),
        (b"CallerName=M\xfcller", "CallerName", "M\ufffdller"),
        (b"CallerName=%ed%a0%80", "CallerName", "\ufffd\ufffd\ufffd"),
        (b"CallerName=a%00b", "CallerName", "a\ufffdb"),
        (b"CallerName=100%", "CallerName", "100%"),
        (b"Caller%FF=1", "Caller\ufffd", "1"),
        (b"CallerName", "CallerName", None),
        (b"", "", None),
        (b"Digits=1&Digits=2", "Digits", None),
        (b"Digits=1&Digits=1", "Digits", "1"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_one_bad_field_costs_that_field_and_the_call_ends(
    client: Client, account: TelnyxAccount, bad: bytes, name: str, read: str | None, is_first: bool
) -> None:
    """It was quarantined whole, and the call rang for ever."""
    told = form(CallStatus="completed", CallbackSource="call-progress-events", CallDuration="9")
    body = b"&".join([bad, told] if is_first else [told, bad])
    event = stored(client, account, body)
    assert (event.event_type, bytes(event.body)) == ("texml.call.completed", body)
    assert (event.payload or {}).get(name) == read
    process(event.pk)
    assert Call.objects.get().state == "ended"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Digits", "texml.gather"), ("SpeechResult", "texml.gather"), ("TranscriptionText", "texml.transcription")],
)
def test_a_field_without_a_value_tells_the_kind_all_the_same(
    client: Client, account: TelnyxAccount, name: str, kind: str
) -> None:
    """Nobody pressed a key, or nobody spoke."""
    event = stored(client, account, form(**{name: ""}))
    assert (event.event_type, (event.payload or {}).get(name)) == (kind, "")


def test_nul_is_kept_in_the_bytes_and_shown_as_a_mark(client: Client, account: TelnyxAccount) -> None:
    event = stored(client, account, form(SpeechResult="a\0b"))
    assert event.payload is not None
    assert event.payload["SpeechResult"] == "a�b"
    assert b"%00" in bytes(event.body)


def test_a_conference_or_queue_needs_no_call(client: Client, account: TelnyxAccount) -> None:
    for body in (b"QueueSid=line&QueuePosition=1", b"ConferenceSid=c&StatusCallbackEvent=conference-end"):
        post_texml(client, account, body)
    assert [event.status for event in CallEvent.objects.all()] == ["received"] * 2


@pytest.mark.django_db(transaction=True)
def test_a_repeat_is_one_event_and_what_differs_in_number_time_or_status_is_another(
    client: Client, account: TelnyxAccount
) -> None:
    first = progress("ringing", 1)
    for _ in range(3):
        post_texml(client, account, first)
    assert CallEvent.objects.count() == 1
    event = CallEvent.objects.get()
    assert len(event.dedupe_key) <= 100
    told = dict(event.payload or {})
    for change in ({"SequenceNumber": "2"}, {"CallStatus": "in-progress"}, {"Timestamp": "2026-11-20T09:00:00Z"}):
        post_texml(client, account, urlencode(told | change).encode())
    assert CallEvent.objects.filter(status="received").count() == 4


@pytest.mark.django_db(transaction=True)
def test_the_same_callback_with_its_fields_in_another_order_is_a_repeat(client: Client, account: TelnyxAccount) -> None:
    body = progress("ringing", 1)
    post_texml(client, account, body)
    post_texml(client, account, b"&".join(reversed(body.split(b"&"))))
    assert CallEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_number_and_time_the_bytes_tell_a_repeat(client: Client, account: TelnyxAccount) -> None:
    for body in (form(Digits="1"), form(Digits="1"), form(Digits="2")):
        post_texml(client, account, body)
    assert CallEvent.objects.count() == 2


def test_no_rule_runs_for_a_texml_callback(client: Client, account: TelnyxAccount) -> None:
    make_flow(account, {"event_type": "texml.call.ringing", "do": [{"action": "hangup"}]}, connection_id="77")
    event = stored(client, account, progress("ringing", ConnectionId="77", Direction="inbound"))
    process(event.pk)
    event.refresh_from_db()
    assert (event.status, Call.objects.get().direction) == ("processed", "incoming")
    assert not CallCommand.objects.exists()


def test_a_callback_of_another_account_s_application_is_quarantined(client: Client, account: TelnyxAccount) -> None:
    other = make_account("other")
    TexmlApplication.objects.create(account=other, telnyx_id="77", friendly_name="menu", remote={})
    event = stored(client, account, progress("ringing", ConnectionId="77"))
    process(event.pk)
    event.refresh_from_db()
    assert (event.status, Call.objects.count()) == ("quarantined", 0)


def test_numbers_and_pressed_keys_are_masked_for_those_who_may_not_see_them(
    client: Client, account: TelnyxAccount, user_with: Any, api: APIClient
) -> None:
    fields = {"From": "13125550143", "CallerId": "13125550143", "Digits": "4929", "ToSipUri": "sip:ada@portal.example"}
    event = stored(client, account, form(**fields))
    whole = api.get(f"/api/v1/call-events/{event.pk}/").json()["payload"]
    assert whole["From"] == "13125550143"
    user: User = user_with("voice.view_callevent", "voice.view_call")
    shown = api_for(user).get(f"/api/v1/call-events/{event.pk}/").json()["payload"]
    assert (shown["From"], shown["CallerId"], shown["Digits"]) == ("•••0143", "•••0143", "••••")
    assert (shown["To"], shown["ToSipUri"]) == ("+1312•••0100", "sip:•••@portal.example")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({f"CallCost[{SID}]": "0.0055"}, (SID, "0.0055")),
        ({f"CallCost[{SID}]": "0.0055", "CallSid": SID}, (SID, "0.0055")),
        ({"CallCost[v3:another]": "0.0055", "CallSid": SID}, (SID, "")),
        ({f"CallCost[{SID}]": "much", "CallSid": SID}, (SID, "")),
        ({f"CallCost[{SID}]": "-1", "CallSid": SID}, (SID, "")),
        ({f"CallCost[{SID}]": "1" * 400, "CallSid": SID}, (SID, "")),
    ],
)
def test_a_cost_is_of_the_call_that_its_name_holds(
    client: Client, account: TelnyxAccount, fields: dict[str, str], found: tuple[str, str]
) -> None:
    process(stored(client, account, urlencode({"CallbackSource": "call-cost-events"} | fields).encode()).pk)
    assert (Call.objects.get().call_control_id, Call.objects.get().cost) == found


def test_the_sip_code_of_a_call_s_end_is_its_own(client: Client, account: TelnyxAccount) -> None:
    process(stored(client, account, progress("failed", SipHangupCause="403")).pk)
    call = Call.objects.get()
    assert (call.state, call.sip_hangup_cause) == ("ended", "403")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_cause_that_is_told_beats_a_status_that_implies_one_whichever_came_last(
    client: Client, account: TelnyxAccount, order: tuple[int, int]
) -> None:
    told = [progress("completed", 1, HangupCause="user_busy"), progress("failed", 2)]
    for number in order:
        assert post_texml(client, account, told[number]).status_code == 200
        run_owed()
    assert Call.objects.get().hangup_cause == "user_busy"


@pytest.mark.parametrize("told", [("Timestamp", "OccurredAt", "EndTime"), ("OccurredAt", "EndTime"), ("EndTime",), ()])
def test_when_it_happened_is_told_by_the_first_time_that_there_is(
    client: Client, account: TelnyxAccount, told: tuple[str, ...]
) -> None:
    times = {name: datetime.now(UTC) - timedelta(seconds=at) for at, name in enumerate(told)}
    body = form(CallStatus="completed", **{name: at.isoformat() for name, at in times.items()})
    assert stored(client, account, body).occurred_at == (times[told[0]] if told else None)


@pytest.mark.parametrize("source", [{}, {"CallbackSource": "call-progress-events"}])
def test_an_end_that_also_says_who_answered_ends_the_call(
    client: Client, account: TelnyxAccount, source: dict[str, str]
) -> None:
    process(stored(client, account, form(CallStatus="completed", AnsweredBy="human", **source)).pk)
    assert (Call.objects.get().state, Call.objects.get().answered_by) == ("ended", "person")


def test_what_a_document_calls_a_cost_is_none(client: Client, account: TelnyxAccount) -> None:
    process(stored(client, account, form(**{f"CallCost[{SID}]": "99"})).pk)
    assert Call.objects.get().cost == ""


def test_a_dial_that_nobody_answered_leaves_its_caller_s_call_alive(client: Client, account: TelnyxAccount) -> None:
    body = named("texml.dial").raw
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    told = urlencode({"HangupCause": "no_answer", "EndTime": now, "AnsweredTime": now}).encode()
    process(stored(client, account, body + b"&" + told).pk)
    call = Call.objects.get()
    assert (call.state, call.hangup_cause, call.ended_at, call.answered_at) == ("initiated", "", None, None)


@pytest.mark.alone("it lists what there is, of every account")
def test_webhook_url_prints_the_texml_address_on_request(
    client: Client, account: TelnyxAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("webhook_url", "--texml")
    name, url = capsys.readouterr().out.split()
    assert name == account.name
    path = url.partition("/webhooks/")[2]
    assert (
        client.post(f"/webhooks/{path}", form(), content_type="text/plain", headers=signed(form())).status_code == 200
    )


@pytest.mark.parametrize("name", ["RecordingSid", "StreamSid", "SiprecSid", "TranscriptionSid"])
@pytest.mark.django_db(transaction=True)
def test_two_of_a_kind_in_one_second_are_two_and_a_repeat_of_each_is_one(
    client: Client, account: TelnyxAccount, name: str
) -> None:
    at = {"Timestamp": "2026-11-20T09:00:00Z", "RecordingStatus": "completed"}
    for _ in range(2):
        for one in ("first", "second"):
            assert post_texml(client, account, form(**at, **{name: one})).status_code == 200
    told = CallEvent.objects.values_list("payload", "status")
    assert sorted((payload[name], status) for payload, status in told) == [
        ("first", "received"),
        ("second", "received"),
    ]


@pytest.mark.django_db(transaction=True)
def test_both_recordings_of_one_second_are_of_their_call(client: Client, account: TelnyxAccount) -> None:
    at = {"Timestamp": "2026-11-20T09:00:00Z", "RecordingStatus": "completed"}
    for one in ("first", "second"):
        post_texml(client, account, form(**at, RecordingSid=one))
    for event in CallEvent.objects.all():
        process(event.pk)
    assert Call.objects.get().events.filter(event_type="texml.recording.completed").count() == 2
