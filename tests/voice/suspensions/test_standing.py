"""Which commands a suspension holds back, and in which application each one acts."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.telnyx.schemas import InvalidParameters
from tests.support.commands import of_event
from tests.support.conferences import make_room
from tests.support.factories import CONNECTION, make_call, run_owed
from tests.support.rest import COMMANDS
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.commands import outbox
from voice.dispatch import sender
from voice.models import CallCommand, Suspension
from voice.suspensions import standing

pytestmark = pytest.mark.django_db
OTHER = "7"


def suspend(account: TelnyxAccount, connection_id: str = "", **told: Any) -> Suspension:
    values = {"since": ago(60), "requested_by": "user: ada"} | told
    return Suspension.objects.create(account=account, connection_id=connection_id, **values)


@pytest.mark.parametrize(
    ("action", "parameters", "path"),
    [
        ("dial", {"connection_id": CONNECTION}, []),
        ("texml.calls.dial", {"ApplicationSid": CONNECTION}, []),
        ("texml.calls.create", {}, [CONNECTION]),
        ("texml.ai_calls.create", {}, [CONNECTION]),
    ],
)
def test_a_dial_names_its_application(
    account: TelnyxAccount, action: str, parameters: dict[str, Any], path: list[str]
) -> None:
    command = CallCommand(account=account, action=action, parameters=parameters, path=path)
    suspend(account, OTHER)
    assert (standing.connection_of(command), standing.find_forbidden(command, rings=True)) == (CONNECTION, None)
    suspend(account, CONNECTION)
    assert standing.find_forbidden(command, rings=True) is not None


@pytest.mark.parametrize("action", ["texml.calls.create", "texml.ai_calls.create"])
def test_a_texml_dial_is_refused_by_what_its_address_says(account: TelnyxAccount, action: str) -> None:
    suspend(account, CONNECTION)
    values = {"From": "+13125550100", "To": "+13125550001"}
    values |= {"AIAssistantId": "assistant-1"} if "ai" in action else {}
    with pytest.raises(standing.Suspended, match="is suspended here"):
        outbox.place(account, action, values, PORTAL, path=[CONNECTION])


@pytest.mark.parametrize("path", [[], ["v3:a"], ["v3:a", "s", "more"]])
def test_a_row_whose_address_is_malformed_is_shown_and_never_sent(
    browser: Client, api: APIClient, account: TelnyxAccount, path: list[str]
) -> None:
    parameters = {"Status": "stopped"}
    made = outbox.place(account, "texml.calls.stop_siprec", parameters, PORTAL, path=["v3:a", "s"])
    CallCommand.objects.filter(pk=made.pk).update(path=path)
    suspend(account, OTHER)
    for url in ("", f"{made.pk}/change/"):
        assert browser.get(f"/admin/voice/callcommand/{url}").status_code == 200
    assert api.get(f"{COMMANDS}{made.pk}/").json()["address"] == dict(
        zip(("call_sid", "siprec_sid"), path, strict=False)
    )
    run_owed()
    made.refresh_from_db()
    assert (made.status, made.attempts[0]["http_status"]) == (CallCommand.Status.REFUSED, None)
    assert "call_sid and siprec_sid" in made.error


@pytest.mark.parametrize(
    ("action", "path", "field"),
    [
        ("texml.calls.hang_up", [], "call_sid"),
        ("texml.calls.stop_siprec", ["v3:a"], "siprec_sid"),
        ("texml.calls.stop_siprec", ["", "s"], "call_sid"),
        ("texml.calls.hang_up", ["v3:a", "s"], "path"),
        ("texml.queues.create", ["q"], "path"),
    ],
)
def test_no_row_is_made_with_such_an_address(account: TelnyxAccount, action: str, path: list[str], field: str) -> None:
    with pytest.raises(InvalidParameters) as refused:
        outbox.place(account, action, {}, PORTAL, path=path)
    assert list(refused.value.errors) == [field]
    assert not CallCommand.objects.filter(account=account).exists()


def test_of_rules_only_hang_ups_go_and_of_people_all_that_rings_nobody(account: TelnyxAccount) -> None:
    call = make_call(account)
    suspend(account, CONNECTION)
    wanted = [(name, {}) for name in ("answer", "hangup")]
    answer, hang_up = of_event(call, *wanted)
    assert standing.find_forbidden(answer, rings=False) is not None
    assert standing.find_forbidden(hang_up, rings=False) is None
    by_hand = CallCommand(account=account, action="speak", call=call)
    assert standing.find_forbidden(by_hand, rings=False) is None
    assert standing.find_forbidden(by_hand, rings=True) is not None


def test_a_rule_s_reject_ends_a_call_as_its_hang_up_does(account: TelnyxAccount) -> None:
    call = make_call(account)
    suspend(account)
    (reject,) = of_event(call, ("reject", {"cause": "USER_BUSY"}))
    assert standing.find_forbidden(reject, rings=False) is None


@pytest.mark.parametrize(
    ("action", "parameters"),
    [("transfer", {"to": "+13125550001"}), ("start_ai_assistant", {"assistant": {"id": "kept at Telnyx"}})],
)
def test_what_a_person_asked_for_before_and_may_ring_a_phone_is_not_sent(
    account: TelnyxAccount, action: str, parameters: dict[str, Any]
) -> None:
    command = outbox.act(make_call(account), action, parameters, PORTAL)
    suspend(account, CONNECTION)
    with telnyx_says(account) as asked:
        sender.send(command.pk)
    command.refresh_from_db()
    assert (command.status, asked.requests) == ("expired", [])
    assert "is suspended here since" in command.error


def test_another_account_s_suspension_holds_nothing(account: TelnyxAccount, neighbour: TelnyxAccount) -> None:
    suspend(neighbour)
    assert standing.find(account.pk, CONNECTION) is None


def test_the_account_s_own_is_named_first_and_the_reason_hides_numbers(account: TelnyxAccount) -> None:
    suspend(account, CONNECTION, why="of the application")
    suspend(account, why="call +13125550123 first")
    found = standing.find(account.pk, CONNECTION)
    assert found is not None
    assert standing.words(found).startswith(f"The account {account.name} is suspended here since ")
    assert "3125550123" not in standing.words(found)


def test_the_account_s_own_is_named_first_also_when_it_is_the_older_one(account: TelnyxAccount) -> None:
    suspend(account)
    suspend(account, CONNECTION, since=ago(5))
    found = standing.find(account.pk, CONNECTION)
    assert found is not None
    assert found.connection_id == ""
    suspend(account, since=ago(600))
    suspend(account, CONNECTION)
    found = standing.find(account.pk, CONNECTION)
    assert found is not None
    assert found.connection_id == ""


@pytest.mark.parametrize("action", ["hangup", "reject"])
def test_a_rule_may_keep_a_call_away_while_its_account_is_suspended(account: TelnyxAccount, action: str) -> None:
    suspend(account)
    refusing, answering = of_event(make_call(account), (action, {}), ("answer", {}))
    assert standing.find_forbidden(refusing, rings=False) is None
    assert standing.find_forbidden(answering, rings=False) is not None


def test_a_dial_is_held_back_also_where_nobody_can_tell_whom_it_rings(account: TelnyxAccount) -> None:
    suspend(account, CONNECTION)
    command = CallCommand(account=account, action="dial", parameters={"connection_id": CONNECTION})
    assert standing.find_forbidden(command, rings=False) is not None


def test_what_is_asked_of_a_conference_acts_in_its_application(account: TelnyxAccount) -> None:
    command = CallCommand(
        account=account, action="conferences.join", conference=make_room(account, connection_id=CONNECTION)
    )
    suspend(account, OTHER)
    assert (standing.connection_of(command), standing.find_forbidden(command, rings=True)) == (CONNECTION, None)
    suspend(account, CONNECTION)
    assert standing.find_forbidden(command, rings=True) is not None
