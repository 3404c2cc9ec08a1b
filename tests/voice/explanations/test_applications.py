"""A caller whom nobody answered, and whether the application had anything that answers: as of the call."""

from typing import Any

import pytest
from django.db.models import F
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.events import tell
from tests.support.factories import CONNECTION, make_event, make_flow
from tests.support.rest import FLOWS, of_call
from tests.support.rows import Call, CallEvent, Flow
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
