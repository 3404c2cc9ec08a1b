"""A caller whom nobody answered, and whether the application had anything that answers: as of the call."""

from typing import Any

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_call, make_event, make_flow
from tests.support.rest import FLOWS, of_call
from tests.support.rows import Call, CallCommand, CallEvent, Flow
from tests.support.times import ago
from voice.flows import handlers

pytestmark = pytest.mark.django_db
LEFT = {"hangup_cause": "originator_cancel", "hangup_source": "caller", "sip_hangup_cause": "487"}


@pytest.fixture(autouse=True)
def _application(account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, application_name="desk", telnyx_id=CONNECTION)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> handlers.Registry:
    """Handlers of Python users, as at a start."""
    made = handlers.Registry()
    monkeypatch.setattr(handlers, "_registry", made)
    return made


def ended(account: TelnyxAccount) -> None:
    """Somebody called 20 seconds ago, and left; the webhooks came at once."""
    tell(account, make_event(seconds=-20), make_event("call.hangup", -5, **LEFT))
    CallEvent.objects.filter(account=account).update(received_at=F("occurred_at"))


def told(api: APIClient) -> Any:
    return api.get(of_call(Call.objects.get(), "explanation")).json()


def test_without_a_flow_and_a_command_nothing_here_answers(api: APIClient, account: TelnyxAccount) -> None:
    ended(account)
    assert (told(api)["code"], told(api)["confidence"]) == ("no_flow", "medium")


def test_a_flow_that_was_active_at_the_call_answers_though_it_is_off_now(
    api: APIClient, account: TelnyxAccount
) -> None:
    flow = make_flow(account)
    Flow.history.update(history_date=ago(60))  # type: ignore[attr-defined]
    ended(account)
    assert api.patch(f"{FLOWS}{flow.pk}/", {"active": False}, format="json").status_code == 200
    assert told(api)["code"] == "caller_gave_up"


def test_a_flow_that_was_made_after_the_call_did_not_answer_it(api: APIClient, account: TelnyxAccount) -> None:
    ended(account)
    make_flow(account)
    assert told(api)["code"] == "no_flow"


@pytest.mark.parametrize(("of", "code"), [(CONNECTION, "caller_gave_up"), ("", "caller_gave_up"), ("88", "no_flow")])
def test_a_handler_answers_as_a_flow_does(
    api: APIClient, account: TelnyxAccount, registry: handlers.Registry, of: str, code: str
) -> None:
    @handlers.on("call.initiated", connection_id=of)
    def note(event: Any, call: Any) -> Any:
        return None

    ended(account)
    assert told(api)["code"] == code


ANSWERED = [
    ({"by": "token: desk"}, ("nobody_answered", "answered over REST")),
    ({"by": "user: ada"}, ("nobody_answered", "answered by hand")),
    ({"by": "token: desk", "action": "transfer"}, ("nobody_answered", "answered over REST")),
    ({"by": "token: desk", "began": 30, "action": "speak"}, ("no_flow", "no active flow")),
    ({"by": "rule: greeting #1"}, ("no_flow", "no active flow")),  # its flow was switched off
    ({"by": "token: desk", "connection_id": "88"}, ("no_flow", "no active flow")),
    ({"by": "token: desk", "began": 10}, ("nobody_answered", "answered over REST")),  # the next caller was luckier
    ({"by": "token: desk", "began": -100_000}, ("no_flow", "no active flow")),
]


@pytest.mark.parametrize(("of", "expected"), ANSWERED)
def test_what_answers_other_calls_of_the_application_says_whether_a_flow_is_missing(
    api: APIClient, account: TelnyxAccount, of: dict[str, Any], expected: tuple[str, str]
) -> None:
    ended(account)
    answered(account, **of)
    verdict = told_of("a", api)
    assert (verdict["code"], expected[1] in verdict["sentence"]) == (expected[0], True), verdict


def test_the_nearest_answer_before_the_call_decides(api: APIClient, account: TelnyxAccount) -> None:
    ended(account)
    for seconds, by in ((300, "token: desk"), (200, "rule: greeting #1"), (100, "token: desk"), (5, "user: ada")):
        answered(account, by, seconds)
    verdict = told_of("a", api)
    assert verdict["sentence"] == (
        "Nobody answered it: this application had no flow, its calls were answered over REST; "
        "the caller left after 15 s."
    )
    assert (verdict["category"], verdict["who"]) == ("not_answered", "caller")
    assert "program" in verdict["next_step"]


def test_who_transfers_a_call_that_was_answered_did_not_answer_it(api: APIClient, account: TelnyxAccount) -> None:
    answered(account, "token: desk", 60)
    call = Call.objects.get()
    told = {"created_at": ago(20), "expires_at": ago(20), "intent_key": "later", "status": "ok"}
    CallCommand.objects.create(account=account, action="transfer", call=call, requested_by="user: ada", **told)
    ended(account)
    assert "answered over REST" in told_of("a", api)["sentence"]


def test_a_program_that_does_not_answer_in_time_is_asked_for_and_no_flow(
    api: APIClient, account: TelnyxAccount
) -> None:
    tell(account, make_event(seconds=-40), make_event("call.hangup", -10, hangup_cause="timeout"))
    assert "active flow" in told_of("a", api)["next_step"]
    answered(account, "token: desk")
    verdict = told_of("a", api)
    assert verdict["code"] == "first_command"
    assert "flow" not in verdict["next_step"]


def answered(
    account: TelnyxAccount, by: str, began: float = 60, action: str = "answer", connection_id: str = CONNECTION
) -> None:
    """Somebody else called so many seconds ago, and ``by`` asked for an action on that call."""
    started = {"started_at": ago(began), "call_session_id": "other"}
    call = make_call(account, f"other {began}", connection_id=connection_id, **started)
    told = {"created_at": ago(began), "expires_at": ago(began), "intent_key": f"{by} {began}", "status": "ok"}
    CallCommand.objects.create(
        account=account, action=action, call=call, call_control_id=call.call_control_id, requested_by=by, **told
    )


def told_of(leg: str, api: APIClient) -> Any:
    return api.get(of_call(Call.objects.get(call_control_id=f"v3:{leg}-leg"), "explanation")).json()
