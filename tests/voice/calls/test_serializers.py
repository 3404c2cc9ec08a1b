"""A call over REST, member by member."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.events import tell
from tests.support.factories import CONNECTION, FROM, TO, make_call, make_event
from tests.support.rest import CALLS, COMMANDS, EVENTS, api_for, of_call
from tests.support.rest_examples import CALL
from tests.support.rows import Call, CallEvent
from voice.commands import outbox

pytestmark = pytest.mark.django_db
READING = ("voice.view_call", "voice.view_callevent", "voice.view_callcommand")


@pytest.mark.alone("it lists what there is, of every account")
def test_a_call_has_every_member_of_the_interface_page(api: APIClient, account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="call-router")
    start = timezone.now().replace(microsecond=0) - timedelta(seconds=30)
    call = make_call(account, started_at=start, answered_at=start + timedelta(seconds=3))
    Call.objects.update(
        state="ended",
        ended_at=start + timedelta(seconds=20),
        hangup_cause="normal_clearing",
        hangup_source="caller",
        sip_hangup_cause="200",
    )
    body = api.get(f"{CALLS}{call.call_control_id}/?account=main").json()
    assert set(body) >= CALL
    assert (body["from"], body["to"], body["direction"], body["state"]) == (FROM, TO, "incoming", "ended")
    assert (body["account"], body["application"], body["connection_id"]) == ("main", "call-router", CONNECTION)
    assert (body["ring_seconds"], body["talk_seconds"], body["bridged_at"]) == (3.0, 17.0, None)
    assert (body["hangup_cause"], body["hangup_source"]) == ("normal_clearing", "caller")
    assert (body["sip_hangup_cause"], body["client_state"], body["tags"]) == ("200", None, [])
    assert body["started_at"] == start.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    assert api.get(CALLS).json()["results"] == [body]


@pytest.mark.alone("it lists what there is, of every account")
def test_what_is_not_known_is_null(api: APIClient, account: TelnyxAccount) -> None:
    make_call(account, direction="", state="initiated", answered_at=None)
    (body,) = api.get(CALLS).json()["results"]
    for name in ("direction", "hangup_cause", "hangup_source", "sip_hangup_cause", "client_state", "application"):
        assert body[name] is None, name
    for name in ("answered_at", "ended_at", "ring_seconds", "talk_seconds", "cost", "currency", "cost_parts"):
        assert body[name] is None, name
    for name in ("product", "ending", "ending_category", "ended_by", "answered_by", "attestation", "screening"):
        assert body[name] is None, name
    for name in ("parent_control_id", "attestation_valid", "mos", "loss_in", "loss_out", "late_seconds"):
        assert body[name] is None, name
    assert body["started_at"]


def test_what_is_known_of_a_call_is_told_in_the_words_of_its_columns(api: APIClient, account: TelnyxAccount) -> None:
    known = {
        **{"direction": "outgoing", "hangup_cause": "user_busy", "hangup_source": "callee", "sip_hangup_cause": "486"},
        **{"ending": "busy", "ending_category": "busy", "ended_by": "callee", "answered_by": "machine"},
        **{"cost": "0.0055", "currency": "USD", "attestation": "B", "screening": "flagged"},
        **{"parent_control_id": "v3:parent", "tags": ["vip"], "client_state": "aGk="},
    }
    body = api.get(of_call(make_call(account, state="ended", **known))).json()
    assert {name: body[name] for name in known} == known


def test_numbers_are_masked_without_the_permission(account: TelnyxAccount, user_with: Any) -> None:
    tell(account, make_event())
    outbox.act(Call.objects.get(), "transfer", {"to": "+13125550001"}, PORTAL)
    support = api_for(user_with(*READING))
    call = Call.objects.get()
    one = of_call(call)
    session = f"/api/v1/sessions/{call.call_session_id}/?account=main"
    event = f"{EVENTS}{CallEvent.objects.get().pk}/"
    below = (of_call(call, "events"), of_call(call, "commands"))
    for url in (CALLS, one, *below, EVENTS, event, COMMANDS, session):
        text = support.get(url).content.decode()
        assert "•••" in text, url
        for number in ("5550101", "5550199", "5550001"):
            assert number not in text, url
    full = api_for(user_with(*READING, "voice.view_full_number", username="operator"))
    assert full.get(one).json()["from"] == FROM
    assert FROM in full.get(EVENTS).content.decode()


def test_an_answer_told_after_the_end_is_no_talk_of_less_than_nothing(api: APIClient, account: TelnyxAccount) -> None:
    at, second = datetime(2026, 5, 22, 10, tzinfo=UTC), timedelta(seconds=1)
    make_call(account, "late", started_at=at, answered_at=at + 5.4 * second, ended_at=at + 5 * second)
    assert api.get(f"{CALLS}v3:late-leg/").json()["talk_seconds"] == 0.0


@pytest.mark.parametrize(("late", "skew"), [(0.4, 0.4), (0.0, None), (-4.0, None)])
def test_how_far_the_clocks_contradict_each_other_is_told_over_rest_and_on_the_page(
    browser: Client, api: APIClient, account: TelnyxAccount, late: float, skew: float | None
) -> None:
    at, second = datetime(2026, 5, 22, 10, tzinfo=UTC), timedelta(seconds=1)
    times = {"started_at": at, "answered_at": at + (5 + late) * second, "ended_at": at + 5 * second}
    call = make_call(account, "skewed", state="ended", **times)
    assert api.get(f"{CALLS}{call.call_control_id}/?account=main").json()["clock_skew_seconds"] == skew
    page = browser.get(f"/admin/voice/call/{call.pk}/change/").content.decode()
    assert ("clocks contradict each other here by 0.4 s" in page) == bool(skew)


def test_a_call_answered_before_it_began_and_one_that_goes_on(api: APIClient, account: TelnyxAccount) -> None:
    at = datetime(2026, 5, 22, 10, tzinfo=UTC)
    make_call(account, "early", started_at=at, answered_at=at - timedelta(seconds=2))
    make_call(account, "rings", started_at=at, answered_at=None, state="ringing")
    told = {name: api.get(f"{CALLS}v3:{name}-leg/").json()["clock_skew_seconds"] for name in ("early", "rings")}
    assert told == {"early": 2.0, "rings": None}


def test_what_was_measured_of_a_call_and_where_its_flow_stands_is_told(api: APIClient, account: TelnyxAccount) -> None:
    known = {
        **{"has_recording": True, "step": "menu", "attestation_valid": False, "late_seconds": 7.25},
        **{"billed_seconds": 60, "mos": 4.25, "jitter": 3.5, "cost_parts": [{"call_part": "sip-trunking"}]},
    }
    packets = {"packets_in": 80, "skipped_in": 20, "packets_out": 10, "skipped_out": 5}
    body = api.get(of_call(make_call(account, **known, **packets))).json()
    assert {name: body[name] for name in known} == known
    assert (body["loss_in"], body["loss_out"]) == (0.25, 0.5)


def test_all_that_is_stored_of_an_event_is_told(api: APIClient, account: TelnyxAccount) -> None:
    at = timezone.now().replace(microsecond=0)
    known = {
        **{"event_id": "e-1", "event_type": "call.answered", "source": "backfill", "status": "dead", "attempt": 3},
        **{"call_control_id": "v3:a-leg", "call_leg_id": "leg", "call_session_id": "session", "connection_id": "77"},
        **{"error": "A handler failed.", "payload": {"state": "answered"}},
    }
    times = {"occurred_at": at - timedelta(seconds=9), "received_at": at - timedelta(seconds=5), "processed_at": at}
    event = CallEvent.objects.create(account=account, dedupe_key="e-1", body=b"{}", **known, **times)
    body = api.get(f"{EVENTS}{event.pk}/").json()
    assert {name: body[name] for name in known} == known
    assert [body[name] for name in times] == [one.strftime("%Y-%m-%dT%H:%M:%S.000000Z") for one in times.values()]
    assert body["id"] == str(event.pk)
