"""A TeXML call at the sandbox, put through to a second leg: what its callbacks make of it in the call log."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.editing.service import create_application
from applications.kinds import KINDS
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.call_pages import page
from tests.support.factories import run_owed
from tests.support.polling import eventually
from tests.support.rows import Call, CallEvent
from tests.support.sandbox_http import Http

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def application(live_server: Any, settings: Any, sandbox_account: TelnyxAccount, sandbox: Sandbox) -> str:
    """The id of an application all of whose callbacks come to the portal."""
    settings.PORTAL_PUBLIC_URL = live_server.url
    url = sandbox_account.texml_url
    values = {"friendly_name": "front desk", "voice_url": f"{url}voice", "status_callback": f"{url}status"}
    row, refused = create_application(KINDS[1], sandbox_account, values | {"call_cost_in_webhooks": True}, PORTAL)
    assert not refused
    return row.telnyx_id


def test_a_call_bridged_by_dial_recorded_and_ended_is_one_session_of_two_legs(
    application: str, http: Http, sandbox: Sandbox, browser: Client, api: APIClient
) -> None:
    sid = http.ring("texml_dial", connection_id=application)
    heard = CallEvent.objects.filter
    for kind, times in (("texml.recording.completed", 1), ("texml.cost", 2)):
        eventually(lambda kind=kind, n=times: heard(event_type=kind).count() == n, kind, sandbox.exchange)  # type: ignore[misc]
    run_owed()
    caller, called = Call.objects.get(call_control_id=sid), Call.objects.get(parent_control_id=sid)
    assert (caller.state, caller.direction, caller.has_recording) == ("ended", "incoming", True)
    assert (called.state, called.direction) == ("ended", "outgoing")
    assert caller.call_session_id == called.call_session_id != ""
    assert caller.hangup_cause and called.hangup_cause and caller.cost and called.cost  # noqa: PT018
    shown = browser.get(page(called))
    assert [leg.pk for _, leg in shown.context["first_legs"]] == [caller.pk, called.pk]
    told = {(entry.leg, entry.title) for entry in shown.context["entries"]}
    assert told >= {
        ("A", "Instructions asked for (TeXML)"),
        ("B", "Ringing (TeXML)"),
        ("B", "Answered (TeXML)"),
        ("A", "Recording started (TeXML)"),
        ("B", "Call ended (TeXML)"),
        ("A", "Dialled leg ended (TeXML)"),
        ("A", "Call ended (TeXML)"),
        ("A", "Recording saved (TeXML)"),
        ("A", "Cost known (TeXML)"),
        ("B", "Cost known (TeXML)"),
    }
    assert set(CallEvent.objects.values_list("status", flat=True)) == {"processed"}
    rest = api.get(f"/api/v1/sessions/{caller.call_session_id}/").json()["calls"]
    assert [leg["cost"] for leg in rest] == [caller.cost, called.cost]


def test_what_the_sandbox_tells_of_a_stream_that_fails_and_of_a_conversation_is_known(
    application: str, http: Http, sandbox: Sandbox, api: APIClient
) -> None:
    url = TelnyxAccount.objects.get(name="sandbox").texml_url
    body = {"AIAssistantId": "assistant-1", "From": "+13125550100", "To": "+13125550001"}
    told = {"ConversationCallback": f"{url}talk", "StatusCallback": f"{url}status"}
    status, answer = http("POST", f"/v2/texml/ai_calls/{application}", body | told)
    assert status == 200, answer
    kinds = CallEvent.objects.filter(call_control_id=answer["call_sid"]).values_list("event_type", flat=True)
    eventually(lambda: "texml.conversation.created" in kinds.all(), "the conversation", sandbox.exchange)
    assert "texml.callback" not in kinds.all()
