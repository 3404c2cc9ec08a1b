"""Uncertain commands that a person settles, and all that cost money."""

from typing import Any

import pytest
from django.test import Client

from portal.models import AuditEvent, TelnyxAccount
from tests.support.commands import seen
from tests.support.factories import make_call, make_event
from tests.support.reconciliation import dialled, entry, hear, look, uncertain
from tests.support.rest import api_for
from tests.support.rows import CallCommand
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.dispatch import reconciliation

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
SPEAK = {"payload": "Hello", "voice": "female"}
PAY = {"payment_connector_id": "1", "charge_amount": "9.95"}


def pay(account: TelnyxAccount) -> CallCommand:
    command = uncertain(make_call(account), "send_dtmf", {"digits": "1"})
    CallCommand.objects.filter(pk=command.pk).update(action="pay", parameters=PAY)
    return seen(command)


def test_money_is_never_settled_but_by_a_person(account: TelnyxAccount) -> None:
    command = pay(account)
    assert reconciliation.needs_a_person(command)
    assert reconciliation.for_a_person().get() == command
    hear(account, make_event("call.payment.completed", -20))
    with telnyx_says(account, call_events={"data": [entry("command", "pay", command_id=str(command.pk))]}):
        assert look(command).is_open_question


def test_it_is_a_persons_after_fifteen_minutes(account: TelnyxAccount) -> None:
    command = uncertain(make_call(account), "speak", SPEAK, sent=900, over=870)
    assert list(reconciliation.for_a_person()) == []
    CallCommand.objects.update(finished_at=ago(901))
    assert list(reconciliation.for_a_person()) == [command]


@pytest.mark.parametrize(("verdict", "status"), [("it_happened", "ok"), ("it_did_not", "expired")])
def test_a_person_says_what_became_of_it(account: TelnyxAccount, api: Any, verdict: str, status: str) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    told = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": verdict}, format="json")
    assert (told.status_code, told.json()["status"]) == (200, status)
    assert told.json()["settlement"].startswith("Settled by token: tests")
    assert AuditEvent.objects.get(action="command.settle").details == {"verdict": verdict}
    again = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": verdict}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "not_uncertain")


def test_sent_again_it_is_a_new_command_under_a_new_id(account: TelnyxAccount, api: Any) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    told = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    made = CallCommand.objects.get(pk=told.json()["id"])
    assert (told.status_code, told["Location"]) == (202, f"/api/v1/commands/{made.pk}/")
    assert (made.pk != command.pk, made.status, made.repeats, made.parameters) == (True, "queued", command, SPEAK)
    old = seen(command)
    assert (old.status, old.is_open_question) == ("uncertain", False)
    assert str(made.pk) in old.settlement
    api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}, format="json")
    assert CallCommand.objects.count() == 2


def test_only_who_may_do_it_may_decide_it(account: TelnyxAccount, user_with: Any) -> None:
    command = dialled(account)
    url, body = f"/api/v1/commands/{command.pk}/settle/", {"verdict": "it_did_not"}
    controls = api_for(user_with("voice.view_callcommand", "voice.control_call", username="controls"))
    assert controls.post(url, body, format="json").status_code == 403
    dials = api_for(user_with("voice.view_callcommand", "voice.dial", username="dials"))
    assert dials.post(url, {"verdict": "perhaps"}, format="json").status_code == 400
    assert seen(command).is_open_question
    assert dials.post(url, body, format="json").status_code == 200


def test_in_the_browser_there_are_three_buttons(account: TelnyxAccount, signed_in: Any) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    page = f"/admin/voice/callcommand/{command.pk}/change/"
    looks = signed_in("voice.view_callcommand", username="looks")
    assert "Did it happen?" not in looks.get(page).content.decode()
    url = f"/admin/voice/callcommand/{command.pk}/settle/"
    assert looks.post(url, {"verdict": "it_happened"}).status_code == 403
    controls = signed_in("voice.view_callcommand", "voice.control_call", username="controls")
    seen_page = controls.get(page).content.decode()
    assert all(name in seen_page for name in reconciliation.VERDICTS)
    assert controls.post(url, {"verdict": "perhaps"}).status_code == 404
    assert controls.post(url, {"verdict": "it_happened"}).status_code == 302
    assert seen(command).status == "ok"
    assert "Settled by user: controls" in controls.get(page).content.decode()


def test_sent_again_from_the_browser_leads_to_the_new_command(account: TelnyxAccount, browser: Client) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    told = browser.post(f"/admin/voice/callcommand/{command.pk}/settle/", {"verdict": "send_again"})
    made = CallCommand.objects.exclude(pk=command.pk).get()
    assert told["Location"] == f"/admin/voice/callcommand/{made.pk}/change/"
