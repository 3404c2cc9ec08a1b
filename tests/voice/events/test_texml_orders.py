"""A TeXML call that is put through to a second leg: one session, whatever the order in which its callbacks come."""

import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.factories import run_owed
from tests.support.rows import Call, CallEvent
from tests.support.texml import form
from tests.support.webhooks import post_texml

pytestmark = pytest.mark.django_db
CALLER, CALLED = "v3:caller", "v3:called"
SESSION = "8689d7ba-fcba-5ac4-877f-79af27a9c5a4"
ARRIVED = datetime.now(UTC).replace(microsecond=0)
BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2)


def at(seconds: float) -> str:
    return (BEGIN + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def progress(sid: str, status: str, number: int, seconds: float, **more: str) -> bytes:
    told = {"CallSid": sid, "ConnectionId": "77", "CallStatus": status, "CallbackSource": "call-progress-events"}
    told |= {"SequenceNumber": str(number), "Timestamp": at(seconds), "CallInitiatedAt": at(0)}
    return form(**told | more)


def completed(sid: str, number: int, seconds: float, **more: str) -> bytes:
    told = {"HangupCause": "normal_clearing", "HangupSource": "callee", "EndTime": at(seconds), "AnsweredTime": at(5)}
    told |= {"CallSessionId": SESSION, "CallLegId": f"leg-of-{sid[3:]}", "CallDuration": "20"}
    return progress(sid, "completed", number, seconds, **told | more)


PARENT = {"ParentCallSid": CALLER, "ParentCallSidLegacy": CALLER, "CallInitiatedAt": at(3)}
STORY = {
    "fetch": form(
        CallSid=CALLER, ConnectionId="77", Direction="inbound", CallingPartyType="pstn", CallStatus="ringing"
    ),
    "initiated": progress(CALLED, "initiated", 0, 3, To="+13125550001", **PARENT),
    "ringing": progress(CALLED, "ringing", 1, 4, To="+13125550001", **PARENT),
    "answered": progress(CALLED, "in-progress", 2, 5, To="+13125550001", **PARENT),
    "recording": form(CallSid=CALLER, RecordingSid="rec-1", RecordingStatus="in-progress", RecordingSource="DialVerb"),
    "called ended": completed(CALLED, 3, 25, To="+13125550001", **PARENT),
    "dial": form(CallSid=CALLER, DialCallSid=CALLED, DialCallStatus="completed", DialCallDuration="20"),
    "caller ended": completed(CALLER, 3, 26),
    "recorded": form(
        CallSid=CALLER,
        RecordingSid="rec-1",
        RecordingStatus="completed",
        RecordingSource="DialVerb",
        RecordingDuration="20",
    ),
    "cost": urlencode(
        {"CallSid": CALLER, "CallbackSource": "call-cost-events", f"CallCost[{CALLER}]": "0.0055"}
    ).encode(),
    "cost of the other": urlencode(
        {"CallSid": CALLED, "CallbackSource": "call-cost-events", f"CallCost[{CALLED}]": "0.0110"}
    ).encode(),
}


def told(account: TelnyxAccount, names: Iterable[str]) -> None:
    """The callbacks come in one after the other, and each is worked off before the next comes."""
    for name in names:
        assert post_texml(Client(), account, STORY[name]).status_code == 200
        run_owed()


UNTOLD = {"id", "judge_at"}  # no event tells these: when its end is to be judged is work that is owed


def pin_arrivals() -> None:
    """Have all come within the same millisecond, in the order in which they did: how late one was is a fact."""
    for at, event in enumerate(CallEvent.objects.order_by("received_at", "id")):
        CallEvent.objects.filter(pk=event.pk).update(received_at=ARRIVED + timedelta(microseconds=at))


def rows(account: TelnyxAccount, names: Iterable[str]) -> str:
    """The calls that this order makes, and what became of its events, to the byte."""
    CallEvent.objects.all().delete()
    Call.objects.all().delete()
    for name in names:
        assert post_texml(Client(), account, STORY[name]).status_code == 200
    pin_arrivals()
    run_owed()  # what came first goes first
    found = [{name: value for name, value in row.items() if name not in UNTOLD} for row in Call.objects.values()]
    events = CallEvent.objects.values_list("call__call_control_id", "event_type", "dedupe_key", "status", "payload")
    both = [sorted(found, key=lambda row: row["call_control_id"]), sorted(map(list, events), key=str)]
    return json.dumps(both, default=str)


def session(api: APIClient) -> list[str]:
    answer = api.get(f"/api/v1/sessions/{SESSION}/").json()
    return [leg["call_control_id"] for leg in answer["calls"]]


def test_any_order_and_any_repetition_of_the_callbacks_make_the_same_rows(account: TelnyxAccount) -> None:
    once = rows(account, STORY)
    caller, called = Call.objects.get(call_control_id=CALLER), Call.objects.get(call_control_id=CALLED)
    assert (caller.state, caller.direction, caller.cost, caller.has_recording) == ("ended", "incoming", "0.0055", True)
    assert (called.state, called.direction, called.cost, called.to_number) == (
        *("ended", "outgoing", "0.0110"),
        "+13125550001",
    )
    assert (called.parent_control_id, called.is_texml, caller.is_texml) == (CALLER, True, True)

    # without shrinking: an order that fails is as good as a shorter one, and each takes a second
    quick: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": (Phase.generate,)}

    @settings(max_examples=8, **quick)
    @given(st.permutations([*STORY, *STORY]))
    def any_order(names: list[str]) -> None:
        assert rows(account, names) == once

    any_order()


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["initiated", "called ended", "fetch", "caller ended"])), ids=" > ".join
)
def test_legs_are_one_session_in_every_order(account: TelnyxAccount, api: APIClient, order: tuple[str, ...]) -> None:
    told(account, order)
    assert session(api) == [CALLER, CALLED]
    for sid in (CALLER, CALLED):
        story = api.get(f"/api/v1/calls/{sid}/").json()
        assert story["call_session_id"] == SESSION


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("status", ["ringing", "in-progress"])
def test_an_incoming_call_whose_document_is_fetched_is_answered_if_it_says_so(
    account: TelnyxAccount, status: str, turned: bool
) -> None:
    """Telnyx answers before it fetches; its callbacks may tell of the end alone."""
    bodies = [
        form(CallSid=CALLER, CallingPartyType="pstn", CallStatus=each, Direction="inbound")
        for each in ("ringing", status)
    ]
    for body in reversed(bodies) if turned else bodies:
        post_texml(Client(), account, body)
        run_owed()
    assert Call.objects.get().state == ("answered" if status == "in-progress" else "initiated")
    told(account, ["caller ended"])
    assert Call.objects.get().state == "ended"


@pytest.mark.parametrize("turned", [False, True])
def test_a_callback_without_a_time_does_not_tell_the_start_where_another_has_one(
    account: TelnyxAccount, turned: bool
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)  # Telnyx's clock is ahead
    ringing = {"CallStatus": "ringing", "CallbackSource": "call-progress-events", "Timestamp": soon.isoformat()}
    bodies = [STORY["fetch"], form(CallSid=CALLER, **ringing)]
    for body in reversed(bodies) if turned else bodies:
        post_texml(Client(), account, body)
        run_owed()
    assert Call.objects.get().started_at == soon


@pytest.mark.parametrize("names", [("initiated", "fetch"), ("fetch", "initiated")])
def test_a_leg_belongs_to_its_parent_before_anybody_tells_the_session(
    account: TelnyxAccount, browser: Client, names: tuple[str, ...]
) -> None:
    told(account, names)
    assert set(Call.objects.values_list("call_session_id", flat=True)) == {""}
    for sid in (CALLER, CALLED):
        legs = browser.get(page(Call.objects.get(call_control_id=sid))).context["first_legs"]
        assert {leg.call_control_id for _, leg in legs} == {CALLER, CALLED}


def test_a_leg_whose_own_session_is_never_told_is_in_that_of_its_parent(account: TelnyxAccount, api: APIClient) -> None:
    told(account, ["ringing", "caller ended"])
    assert set(session(api)) == {CALLER, CALLED}


def test_the_legs_of_another_account_are_another_session(
    account: TelnyxAccount, sandbox_account: TelnyxAccount, browser: Client
) -> None:
    told(account, ["initiated"])
    Call.objects.update(account=sandbox_account)
    CallEvent.objects.all().delete()
    told(account, ["fetch"])
    assert len(browser.get(page(Call.objects.get(account=account))).context["first_legs"]) == 1


def test_the_page_tells_the_story_in_words_with_ending_and_cost(account: TelnyxAccount, browser: Client) -> None:
    told(account, STORY)
    answer = browser.get(page(Call.objects.get(call_control_id=CALLER)))
    lines = {entry.title: entry.detail for entry in answer.context["entries"] if entry.leg == "A"}
    assert lines["Dialled leg ended (TeXML)"] == "completed · after 20 s"
    assert lines["Recording saved (TeXML)"] == "of a Dial · 20 s"
    assert lines["Call ended (TeXML)"] == "Ended normally, on the called side · after 20 s"
    assert lines["Cost known (TeXML)"] == "0.0055"
    assert "Call initiated (TeXML)" in {e.title for e in answer.context["entries"] if e.leg == "B"}
    html = answer.content.decode()
    for text in ("Ended normally, on the called side", "Cost at Telnyx", "0.0055", "0.0110"):
        assert text in html, text


def test_rest_tells_cost_parent_and_product(account: TelnyxAccount, api: APIClient) -> None:
    told(account, STORY)
    names: tuple[str, ...] = ("cost", "parent_control_id", "product")
    found: dict[str, Any] = {sid: api.get(f"/api/v1/calls/{sid}/").json() for sid in (CALLER, CALLED)}
    assert [found[CALLER][name] for name in names] == ["0.0055", None, "texml"]
    assert [found[CALLED][name] for name in names] == ["0.0110", CALLER, "texml"]
