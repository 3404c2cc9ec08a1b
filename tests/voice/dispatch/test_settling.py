"""Uncertain commands that a person settles, and all that cost money."""

from typing import Any

import pytest
from django.test import Client

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from tests.support.commands import made_uncertain, seen
from tests.support.factories import make_call, make_event, run_owed
from tests.support.reconciliation import dialled, entry, hear, look, sent_ok, uncertain
from tests.support.rest import api_for, problem, send
from tests.support.rows import Call, CallCommand, Limits
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.calls import telnyx_record
from voice.commands import outbox
from voice.conferences import queues
from voice.dispatch import reconciliation, sender

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]
SPEAK = {"payload": "Hello", "voice": "female"}
PAY = {"payment_connector_id": "1", "charge_amount": "9.95"}
LIST = "/admin/voice/callcommand/"


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
    assert (list(reconciliation.for_a_person()), reconciliation.needs_a_person(command)) == ([], False)
    CallCommand.objects.update(finished_at=ago(901))
    assert (list(reconciliation.for_a_person()), reconciliation.needs_a_person(seen(command))) == ([command], True)


@pytest.mark.parametrize(("verdict", "status"), [("it_happened", "ok"), ("it_did_not", "expired")])
def test_a_person_says_what_became_of_it(account: TelnyxAccount, api: Any, verdict: str, status: str) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    told = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": verdict}, format="json")
    assert (told.status_code, told.json()["status"]) == (200, status)
    assert told.json()["settlement"].startswith("Settled by token: tests")
    assert seen(command).lease_until is None  # no look at Telnyx is due any more
    assert AuditEvent.objects.get(action="command.settle").details == {"verdict": verdict}
    again = api.post(f"/api/v1/commands/{command.pk}/settle/", {"verdict": verdict}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "not_uncertain")


def test_beside_a_verdict_nothing_is_said(account: TelnyxAccount, api: Any) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    sent = {"verdict": "send_again", "parameters": {"payload": "Hello once more"}}
    told = problem(send(api, f"/api/v1/commands/{command.pk}/settle/", sent), 400)
    assert told["errors"] == {"parameters": ["Unknown member."]}
    assert (seen(command).status, CallCommand.objects.filter(account=account).count()) == ("uncertain", 1)


@pytest.mark.parametrize("verdict", reconciliation.VERDICTS)
@pytest.mark.parametrize("status", ["queued", "sending", "ok", "refused", "expired"])
def test_of_what_is_not_uncertain_there_is_nothing_to_decide(
    account: TelnyxAccount, api: Any, status: str, verdict: str
) -> None:
    command = outbox.act(make_call(account), "speak", SPEAK, PORTAL)
    CallCommand.objects.filter(pk=command.pk).update(status=status)
    problem(send(api, f"/api/v1/commands/{command.pk}/settle/", {"verdict": verdict}), 409, "not_uncertain")
    assert (seen(command).status, seen(command).settlement, CallCommand.objects.count()) == (status, "", 1)


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


def test_sent_again_under_a_key_it_is_answered_and_goes_once(account: TelnyxAccount, api: Any) -> None:
    command = uncertain(make_call(account), "speak", SPEAK)
    url, body = f"/api/v1/commands/{command.pk}/settle/", {"verdict": "send_again"}
    first, again = (send(api, url, body, **{"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.status_code, first.json()["repeats"]) == (202, str(command.pk))
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
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


def test_the_pages_of_what_was_sent_again_lead_to_each_other(account: TelnyxAccount, browser: Client) -> None:
    lost = uncertain(make_call(account), "speak", SPEAK)
    answer = browser.post(f"{LIST}{lost.pk}/settle/", {"verdict": "send_again"}, follow=True)
    assert [str(one) for one in answer.context["messages"]] == ["Sent again, as this new command."]
    made = CallCommand.objects.exclude(pk=lost.pk).get()
    of_made, of_lost = answer.content.decode(), browser.get(f"{LIST}{lost.pk}/change/").content.decode()
    assert f'href="{LIST}{lost.pk}/change/">instead of this one<' in of_made
    assert f'href="{LIST}{made.pk}/change/">queued<' in of_lost
    assert "Did it happen?" not in of_lost + of_made


def test_the_browser_says_why_a_verdict_comes_to_nothing(account: TelnyxAccount, browser: Client) -> None:
    lost = dialled(account)
    Limits.objects.update_or_create(account=account, defaults={"dials_per_day": 1})
    said = []
    for verdict in ("send_again", "it_did_not", "send_again"):
        answer = browser.post(f"{LIST}{lost.pk}/settle/", {"verdict": verdict}, follow=True)
        said += [str(one) for one in answer.context["messages"]]
    assert said[0].startswith("It was not sent again: The limit dials_per_day of ")
    assert said[1:] == ["Settled by user: operator: it did not happen.", "There is nothing to decide: it is expired."]
    assert CallCommand.objects.get().status == "expired"


def test_the_browser_says_so_when_a_new_command_is_over_before_it_is_sent(
    account: TelnyxAccount, browser: Client
) -> None:
    lost = uncertain(make_call(account), "speak", SPEAK)
    Call.objects.update(state="ended")
    answer = browser.post(f"{LIST}{lost.pk}/settle/", {"verdict": "send_again"}, follow=True)
    told = [str(one) for one in answer.context["messages"]]
    assert told == ["The new command is expired. The call has already ended."]


def test_the_page_says_whether_the_portal_still_looks(account: TelnyxAccount, browser: Client) -> None:
    lost = uncertain(make_call(account), "speak", SPEAK)
    said = []
    for seconds in (10, 901):
        CallCommand.objects.filter(pk=lost.pk).update(finished_at=ago(seconds))
        page = browser.get(f"{LIST}{lost.pk}/change/").content.decode()
        said.append(("The portal is still finding out" in page, "Neither webhooks nor" in page))
    assert said == [(True, False), (False, True)]


def test_whatever_is_sent_again_is_one_wish_in_the_place_of_that_command(account: TelnyxAccount) -> None:
    of_queue = made_uncertain(queues.act(account, "support", "queues.update", {"max_size": 5}, PORTAL))
    for lost in (uncertain(make_call(account), "speak", SPEAK), dialled(account), of_queue):
        again = reconciliation.settle(lost.pk, "send_again", PORTAL)
        assert (again.action, again.parameters, again.repeats) == (lost.action, lost.parameters, lost)
        assert seen(again).intent_key == f"person:again:{lost.pk}"  # which is there once
        assert seen(lost).settlement == f"Not known. {PORTAL.label} sent it again, as {again.pk}."


def test_the_number_that_a_limit_names_is_told_masked_to_who_may_not_see_it(
    account: TelnyxAccount, signed_in: Any
) -> None:
    lost = dialled(account)
    Limits.objects.update_or_create(account=account, defaults={"blocked_prefixes": ["+13125550199"]})
    client = signed_in("voice.view_callcommand", "voice.dial")
    answer = client.post(f"{LIST}{lost.pk}/settle/", {"verdict": "send_again"}, follow=True)
    (told,) = [str(one) for one in answer.context["messages"]]
    assert told.startswith("It was not sent again: Numbers that begin with +1312•••0199 may not be called")


def test_what_telnyx_would_not_take_any_more_is_not_sent_again(
    account: TelnyxAccount, browser: Client, api: Any
) -> None:
    lost = uncertain(make_call(account), "speak", SPEAK)
    CallCommand.objects.filter(pk=lost.pk).update(parameters={"nonsense": "1"})
    answer = browser.post(f"{LIST}{lost.pk}/settle/", {"verdict": "send_again"}, follow=True)
    (said,) = (str(one) for one in answer.context["messages"])
    assert said.startswith("It was not sent again: ")
    assert "nonsense" in said
    problem(send(api, f"/api/v1/commands/{lost.pk}/settle/", {"verdict": "send_again"}), 400)
    assert (seen(lost).is_open_question, CallCommand.objects.count()) == (True, 1)


# --- Who decided first ----------------------------------------------------------------------------------------------


def test_what_a_person_decides_while_telnyx_is_asked_stands(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = make_call(account)
    other = sent_ok(call, "send_dtmf", {"digits": "2"}, 100)
    lost = uncertain(call, "send_dtmf", {"digits": "1"}, sent=90, over=70)

    def slowly(*_: object) -> telnyx_record.Record:
        reconciliation.settle(lost.pk, "send_again", PORTAL)
        return telnyx_record.Record([entry("command", "send_dtmf", command_id=str(other.pk))], complete=True)

    monkeypatch.setattr(telnyx_record, "read", slowly)
    look(lost)
    assert (seen(lost).status, "sent it again" in seen(lost).settlement) == ("uncertain", True), seen(lost).settlement


@pytest.mark.parametrize("verdict", reconciliation.VERDICTS)
def test_what_was_sent_again_is_settled_for_good(account: TelnyxAccount, api: Any, verdict: str) -> None:
    lost = uncertain(make_call(account), "speak", SPEAK)
    url = f"/api/v1/commands/{lost.pk}/settle/"
    assert send(api, url, {"verdict": "send_again"}).status_code == 202
    before = seen(lost)
    problem(send(api, url, {"verdict": verdict}), 409, "not_uncertain")
    hear(account, make_event("call.speak.started", -20))
    assert (seen(lost).status, seen(lost).settlement) == (before.status, before.settlement)
    assert CallCommand.objects.count() == 2


# --- Somebody is called a second time -------------------------------------------------------------------------------


def test_a_dial_sent_again_calls_under_a_new_id(
    sandbox_account: TelnyxAccount, connection_id: str, http: Any, sandbox: Any, api: Any
) -> None:
    values = {"connection_id": connection_id, "from": "+13125550100", "to": "+13125550001"}
    lost = outbox.dial(sandbox_account, values, PORTAL)
    sandbox.faults.add({"method": "POST", "path": "/calls", "fault": "act_then_cut"})
    sender.send(lost.pk)
    lost = made_uncertain(lost)
    told = send(api, f"/api/v1/commands/{lost.pk}/settle/", {"verdict": "send_again"})
    again = CallCommand.objects.get(pk=told.json()["id"])
    assert (told.status_code, again.action, again.parameters, again.repeats) == (202, "dial", values, lost)
    run_owed()
    calls = {control_id for _, control_id in sandbox.store.live_calls(connection_id)}
    assert (len(calls), seen(again).status) == (2, "ok")
    assert seen(again).call_control_id in calls
    assert (seen(lost).status, seen(lost).call) == ("uncertain", None)


def test_a_dial_sent_again_is_held_to_the_limits(account: TelnyxAccount, api: Any) -> None:
    lost = dialled(account)
    Limits.objects.update_or_create(account=account, defaults={"dials_per_day": 1})
    told = send(api, f"/api/v1/commands/{lost.pk}/settle/", {"verdict": "send_again"})
    assert told.status_code == 403, told.content
    assert seen(lost).is_open_question
    assert CallCommand.objects.count() == 1


def test_a_transfer_sent_again_is_the_same_calls(account: TelnyxAccount, api: Any) -> None:
    lost = uncertain(make_call(account), "transfer", {"to": "+13125550177"})
    made = send(api, f"/api/v1/commands/{lost.pk}/settle/", {"verdict": "send_again"}).json()["id"]
    again = CallCommand.objects.get(pk=made)
    assert (again.action, again.call, again.parameters) == ("transfer", lost.call, {"to": "+13125550177"})
    assert (again.pk != lost.pk, again.status) == (True, "queued")
