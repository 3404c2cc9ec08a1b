"""Uncertain TeXML commands are settled from callbacks or from Telnyx's resources, and never sent a second time."""

from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import made_uncertain, seen
from tests.support.factories import make_call
from tests.support.limits import limit
from tests.support.reconciliation import awaits_the_next_look, look
from tests.support.rows import Call, CallCommand
from tests.support.texml_resources import CALL, DIAL, ROOM, of_call, parts, telnyx_texml
from tests.support.times import ago
from tests.support.webhooks import post_texml
from voice import tasks
from voice.models import CallEvent
from voice.texml import calls, evidence

pytestmark = pytest.mark.django_db
NEW = "v3:new"


def dialled(account: TelnyxAccount, **values: Any) -> CallCommand:
    return made_uncertain(calls.dial(account, DIAL | values, PORTAL))


def hear(account: TelnyxAccount, sid: str = NEW, status: str = "initiated", **fields: Any) -> None:
    """A callback of a call comes in and is processed as a worker does it."""
    told = {
        "CallSid": sid,
        "AccountSid": "org-1",
        "ConnectionId": DIAL["ApplicationSid"],
        "From": DIAL["From"],
        "To": DIAL["To"],
        "CallStatus": status,
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "0",
        "CallInitiatedAt": ago(29).isoformat(),
        "Timestamp": ago(29).isoformat(),
    } | fields
    form = urlencode({name: value for name, value in told.items() if value is not None}).encode()
    assert post_texml(Client(), account, form).status_code == 200
    for event in CallEvent.objects.filter(account=account, status="received"):
        tasks.process_event(str(event.pk))


def test_a_dial_is_settled_by_its_first_callback(account: TelnyxAccount) -> None:
    command = dialled(account)
    hear(account)
    command = seen(command)
    assert (command.status, command.settlement) == ("ok", "Settled from the callbacks of the call.")
    assert command.call == Call.objects.get(call_control_id=NEW)
    assert (command.call.direction, command.call.connection_id) == ("outgoing", DIAL["ApplicationSid"])


def test_a_callback_of_the_end_alone_settles_it_too(account: TelnyxAccount) -> None:
    command = dialled(account)
    hear(account, status="completed", OccurredAt=ago(1).isoformat(), EndTime=ago(1).isoformat())
    assert (seen(command).status, seen(command).call.state) == ("ok", "ended")


FETCHED: dict[str, Any] = dict.fromkeys(("CallbackSource", "SequenceNumber", "Timestamp"))
FETCHED |= {"CallingPartyType": "pstn", "Direction": "outbound"}


@pytest.mark.parametrize(
    ("word", "status", "fields"),
    [
        ("ringing", "ringing", {}),
        ("answered", "in-progress", {}),
        ("fetch", "in-progress", FETCHED),
    ],
)
def test_any_callback_of_the_call_settles_its_dial(
    account: TelnyxAccount, word: str, status: str, fields: dict[str, Any]
) -> None:
    command = dialled(account)
    hear(account, status=status, **fields)
    assert CallEvent.objects.get(account=account, call_control_id=NEW).event_type == f"texml.call.{word}"
    assert (seen(command).status, seen(command).call) == ("ok", Call.objects.get(call_control_id=NEW))


@pytest.mark.parametrize(
    "fields",
    [
        {"To": "+13125550002"},
        {"From": "+13125550199"},
        {"ConnectionId": "another"},
        {"ParentCallSid": "v3:parent"},
        {"CallInitiatedAt": ago(3600).isoformat()},
        {"Direction": "inbound"},
    ],
)
def test_a_callback_that_may_be_anothers_settles_nothing(account: TelnyxAccount, fields: dict[str, str]) -> None:
    command = dialled(account)
    hear(account, **fields)
    assert (seen(command).status, seen(command).call) == ("uncertain", None)


def test_the_callback_of_another_account_settles_nothing(account: TelnyxAccount, neighbour: TelnyxAccount) -> None:
    command = dialled(account)
    row = make_call(neighbour, "new", call_control_id=NEW, direction="outgoing", started_at=ago(29))
    Call._model.objects.filter(pk=row.pk).update(to_number=DIAL["To"], from_number=DIAL["From"])
    assert look(command).status == "uncertain"


def test_of_the_calls_around_a_dial_no_more_is_read_than_is_compared(account: TelnyxAccount) -> None:
    command = dialled(account)
    hear(account, To="+13125550002")
    with CaptureQueriesContext(connection) as captured:
        assert evidence.from_callbacks(command) is None
    looks = [one["sql"] for one in captured if 'FROM "voice_call" ' in one["sql"]]
    assert looks
    assert not any('"facts"' in sql for sql in looks)


def test_of_two_dials_and_one_call_nobody_knows_whose_it_is(account: TelnyxAccount) -> None:
    first, second = dialled(account), dialled(account)
    hear(account)
    assert {seen(first).status, seen(second).status} == {"uncertain"}
    hear(account, "v3:newer")
    assert {seen(first).status, seen(second).status} == {"ok"}
    assert {seen(first).call, seen(second).call} == {None}


def test_a_call_that_has_its_dial_is_no_other_dials(account: TelnyxAccount) -> None:
    known = dialled(account)
    CallCommand.objects.filter(pk=known.pk).update(status="ok", settled_at=timezone.now())
    hear(account)
    CallCommand.objects.filter(pk=known.pk).update(call=Call.objects.get(call_control_id=NEW))
    command = dialled(account)
    assert look(command).status == "uncertain"


def test_a_dial_that_was_written_in_another_form_is_its_call_and_a_rival(account: TelnyxAccount) -> None:
    first = dialled(account, To="+1 (312) 555-0001")
    CallCommand.objects.filter(pk=first.pk).update(parameters=DIAL | {"To": "+1 (312) 555-0001"})  # of an older version
    second = dialled(account, To="+1-312-555-0001")
    hear(account)
    assert {seen(first).status, seen(second).status} == {"uncertain"}
    CallCommand.objects.filter(pk=second.pk).update(status="refused")
    assert look(first).call == Call.objects.get(call_control_id=NEW)


def test_a_dial_that_was_refused_is_no_rival(account: TelnyxAccount) -> None:
    refused = dialled(account)
    CallCommand.objects.filter(pk=refused.pk).update(status="refused")
    command = dialled(account)
    hear(account)
    assert seen(command).call == Call.objects.get(call_control_id=NEW)


def listed(**row: Any) -> dict[str, Any]:
    told = {"sid": NEW, "from": DIAL["From"], "to": DIAL["To"], "direction": "outbound", "status": "in-progress"}
    return {"calls": [told | {"start_time": format_datetime(ago(28))} | row]}


def test_a_dial_is_settled_by_the_list_of_calls_and_nothing_is_posted(account: TelnyxAccount) -> None:
    command = dialled(account)
    with telnyx_texml(lambda method, path: listed()) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = look(command)
        asked = [parts(raw) for raw in server.requests]
    assert {method for method, _, _, _ in asked} == {"GET"}
    assert asked[0][2].items() >= {"To": DIAL["To"], "From": DIAL["From"]}.items()
    assert asked[0][2]["StartTime"] == command.first_sent_at.date().isoformat()
    assert (command.status, command.settlement) == ("ok", "Settled from the list of calls at Telnyx.")
    assert (command.call.call_control_id, command.call.direction) == (NEW, "outgoing")


@pytest.mark.parametrize(
    "row",
    [
        {"direction": "inbound"},
        {"to": "+13125550002"},
        {"start_time": format_datetime(ago(4000))},
        {"start_time": None},
        {"parent_call_sid": "v3:parent"},
        {"sid": None},
    ],
)
def test_another_call_of_the_list_settles_nothing(account: TelnyxAccount, row: dict[str, Any]) -> None:
    command = dialled(account)
    with telnyx_texml(lambda method, path: listed(**row)) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        assert look(command).status == "uncertain"


def test_an_empty_list_proves_nothing_and_a_person_decides(account: TelnyxAccount) -> None:
    command = dialled(account)
    with telnyx_texml() as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        assert (look(command).status, seen(command).lease_until is not None) == ("uncertain", True)
        assert not [raw for raw in server.requests if raw.startswith(b"POST")]


def test_a_telnyx_that_cannot_be_asked_is_asked_at_the_next_look(account: TelnyxAccount) -> None:
    command = dialled(account)
    assert look(command).status == "uncertain"
    with telnyx_texml(lambda method, path: listed()) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        assert look(command).status == "ok"


def test_a_dial_for_which_telnyx_cannot_be_asked_is_looked_for_again_at_its_next_time(account: TelnyxAccount) -> None:
    command = look(dialled(account))
    assert (command.is_open_question, awaits_the_next_look(command)) == (True, True)


def test_a_day_that_ends_meanwhile_is_asked_for_too(account: TelnyxAccount) -> None:
    command = dialled(account)
    midnight = timezone.now().replace(hour=23, minute=59, second=0) - timedelta(days=1)
    CallCommand.objects.filter(pk=command.pk).update(first_sent_at=midnight)
    with telnyx_texml() as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        look(command)
        days = [parts(raw)[2]["StartTime"] for raw in server.requests]
    assert days == [midnight.date().isoformat(), (midnight + timedelta(days=1)).date().isoformat()]


# --- Other commands ---------------------------------------------------------------------------------------------------


RECORDED = {"RecordingSid": "rec-9", "RecordingStatus": "in-progress", "RecordingSource": "StartCallRecordingAPI"}
ANSWERED: list[tuple[str, list[str], dict[str, Any], dict[str, str]]] = [
    ("texml.calls.hang_up", [CALL], {"Status": "completed"}, {"CallStatus": "completed"}),
    ("texml.calls.record", [CALL], {}, RECORDED),
    (
        "texml.calls.update_recording",
        [CALL, "rec-1"],
        {"Status": "stopped"},
        {"RecordingSid": "rec-1", "RecordingStatus": "completed"},
    ),
    ("texml.calls.start_stream", [CALL], {"Name": "ears"}, {"StreamEvent": "stream-started", "StreamName": "ears"}),
    (
        "texml.calls.stop_stream",
        [CALL, "str-1"],
        {"Status": "stopped"},
        {"StreamEvent": "stream-stopped", "StreamSid": "str-1"},
    ),
    ("texml.calls.start_siprec", [CALL], {"Name": "s"}, {"SiprecEvent": "siprec-started", "SiprecName": "s"}),
    (
        "texml.calls.stop_siprec",
        [CALL, "sip-1"],
        {"Status": "stopped"},
        {"SiprecEvent": "siprec-stopped", "SiprecSid": "sip-1"},
    ),
    (
        "texml.conferences.end",
        [ROOM],
        {"Status": "completed"},
        {"ConferenceSid": ROOM, "StatusCallbackEvent": "conference-end"},
    ),
]


def tell(account: TelnyxAccount, sid: str, fields: dict[str, str]) -> None:
    progress = "CallStatus" in fields
    none = {} if progress else {"CallStatus": None, "CallbackSource": None, "CallInitiatedAt": None}
    hear(account, sid, **none | fields)


@pytest.mark.parametrize(("action", "path", "values", "fields"), ANSWERED)
def test_a_callback_settles_what_only_it_can_have_brought(
    account: TelnyxAccount, action: str, path: list[str], values: dict[str, Any], fields: dict[str, str]
) -> None:
    make_call(account)
    command = of_call(account, action, path, values)
    tell(account, CALL, fields)
    assert (seen(command).status, "Settled from the callback texml." in seen(command).settlement) == ("ok", True)


@pytest.mark.parametrize(
    ("action", "path", "values", "fields"),
    [
        ("texml.calls.record", [CALL], {}, RECORDED | {"RecordingSource": "RecordVerb"}),
        ("texml.calls.start_stream", [CALL], {}, {"StreamEvent": "stream-started", "StreamName": "ears"}),
        ("texml.calls.start_stream", [CALL], {"Name": "a"}, {"StreamEvent": "stream-started", "StreamName": "b"}),
        ("texml.calls.stop_stream", [CALL, "x"], {"Status": "stopped"}, {"StreamEvent": "stream-stopped"}),
        ("texml.calls.redirect", [CALL], {"Texml": "<Response/>"}, {"CallStatus": "in-progress"}),
    ],
)
def test_what_a_document_may_have_brought_settles_nothing(
    account: TelnyxAccount, action: str, path: list[str], values: dict[str, Any], fields: dict[str, str]
) -> None:
    make_call(account)
    command = of_call(account, action, path, values)
    tell(account, CALL, fields)
    assert seen(command).status == "uncertain"


def test_the_callback_of_another_call_settles_nothing(account: TelnyxAccount) -> None:
    make_call(account)
    command = of_call(account, "texml.calls.hang_up", [CALL], {"Status": "completed"})
    hear(account, "v3:another", status="completed")
    assert seen(command).status == "uncertain"


def test_a_callback_settles_what_it_answers_whatever_came_since(account: TelnyxAccount) -> None:
    make_call(account)
    command = of_call(account, "texml.calls.hang_up", [CALL], {"Status": "completed"})
    hear(account, "v3:another", status="completed")
    CallEvent.objects.filter(account=account).update(received_at=ago(-60))
    tell(account, CALL, {"CallStatus": "completed"})
    assert seen(command).status == "ok"


BEGUN = [
    ("texml.calls.record", {}, RECORDED, "RecordingSid"),
    ("texml.calls.start_stream", {"Name": "a"}, {"StreamEvent": "stream-started", "StreamName": "a"}, "StreamSid"),
    ("texml.calls.start_siprec", {"Name": "a"}, {"SiprecEvent": "siprec-started", "SiprecName": "a"}, "SiprecSid"),
]


@pytest.mark.parametrize(("action", "values", "fields", "sid"), BEGUN)
def test_what_was_begun_once_settles_not_two_commands(
    account: TelnyxAccount, action: str, values: dict[str, Any], fields: dict[str, str], sid: str
) -> None:
    make_call(account)
    both = [of_call(account, action, [CALL], values) for _ in range(2)]
    tell(account, CALL, fields | {sid: "first"})
    assert {seen(one).status for one in both} == {"uncertain"}
    tell(account, CALL, fields | {sid: "second", "SequenceNumber": "1"})
    assert {seen(one).status for one in both} == {"ok"}


def test_a_person_sends_it_again_to_the_same_address(account: TelnyxAccount, api: Any) -> None:
    command = of_call(account, "texml.calls.redirect", [CALL], {"Texml": "<Response/>"})
    told = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    assert told.status_code == 202, told.json()
    again = CallCommand.objects.exclude(pk=command.pk).get()
    assert (again.action, again.path, again.parameters, again.repeats) == (
        command.action,
        [CALL],
        command.parameters,
        command,
    )


@pytest.mark.parametrize(("state", "status"), [("answered", "queued"), ("ended", "expired")])
def test_what_is_sent_again_is_of_its_call_and_of_no_call_that_has_ended(
    account: TelnyxAccount, api: Any, state: str, status: str
) -> None:
    call = make_call(account)
    command = of_call(account, "texml.calls.redirect", [CALL], {"Texml": "<Response/>"})
    Call.objects.filter(pk=call.pk).update(state=state)
    api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    again = CallCommand.objects.exclude(pk=command.pk).get()
    assert (again.call, again.call_control_id, again.status) == (call, CALL, status)


def test_a_dial_that_is_sent_again_is_held_to_the_limits(account: TelnyxAccount, api: Any) -> None:
    command = dialled(account)
    limit(account, blocked_prefixes=["+1312"])
    refused = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    assert (refused.status_code, CallCommand.objects.count()) == (403, 1)
