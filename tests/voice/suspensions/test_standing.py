"""Which commands a suspension holds back, and in which application each one acts."""

from typing import Any

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import of_event
from tests.support.factories import CONNECTION, make_call
from tests.support.times import ago
from voice.commands import outbox
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
