"""Why a call ended, over REST: each case as expected, masked, and only for who may see calls."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.ending_rows import BY_ID, OF_CALLS, store
from tests.support.endings import check
from tests.support.factories import make_call
from tests.support.rest import CALLS, api_for
from tests.support.rows import Call
from tests.support.times import ago

pytestmark = pytest.mark.django_db
SESSIONS = "/api/v1/sessions/"
MEMBERS = {
    *("call_control_id", "code", "category", "who", "sentence", "confidence", "next_step", "flags"),
    *("evidence", "source"),
}


def of_call(api: APIClient, control_id: str) -> Any:
    return api.get(f"{CALLS}{quote(control_id, safe='')}/explanation/")


@pytest.mark.parametrize("case", OF_CALLS.values(), ids=OF_CALLS)
def test_a_case_is_told_as_expected(api: APIClient, account: TelnyxAccount, case: dict[str, Any]) -> None:
    first, *others = store(account, case)
    told = of_call(api, first.call_control_id).json()
    assert set(told) == MEMBERS
    check(told, case["expected"])
    session = api.get(f"{SESSIONS}{first.call_session_id}/explanation/").json()
    assert set(session) == {*MEMBERS, "call_session_id", "legs"}
    check(session, case["expected"])
    assert [leg["call_control_id"] for leg in session["legs"]] == [call.call_control_id for call in (first, *others)]


def test_numbers_are_masked_and_evidence_is_what_the_person_may_see(account: TelnyxAccount, user_with: Any) -> None:
    first, *_ = store(account, BY_ID["p05-transferred-target-left-first"])
    api = api_for(user_with("voice.view_call", "voice.view_callevent"))
    answer = of_call(api, first.call_control_id)
    assert "+1312•••0001" in answer.json()["sentence"]
    assert "5550001" not in json.dumps(answer.json())
    assert {proof["kind"] for proof in answer.json()["evidence"]} == {"event"}
    none = api_for(user_with("voice.view_call", username="less"))
    assert of_call(none, first.call_control_id).json()["evidence"] == []


def test_it_takes_the_permission_and_the_scope(account: TelnyxAccount, user_with: Any, operator: Any) -> None:
    first, *_ = store(account, BY_ID["p01-out-callee-hung-up"])
    addresses = (
        f"{CALLS}{quote(first.call_control_id, safe='')}/explanation/",
        f"{SESSIONS}{first.call_session_id}/explanation/",
    )
    for address in addresses:
        assert api_for(user_with("voice.dial", username=f"n{len(address)}")).get(address).status_code == 403
        assert api_for(operator, "flows:read").get(address).status_code == 403
        assert APIClient().get(address).status_code == 401
        assert api_for(operator).post(address).status_code == 405


def test_a_late_leg_of_a_very_large_session_is_told(api: APIClient, account: TelnyxAccount) -> None:
    """Of such a session the legs that began first are listed."""
    late, many = make_call(account, "late", state="ended"), []
    for at in range(1001):
        one = Call(account=account, call_control_id=f"v3:{at}", call_session_id=late.call_session_id)
        one.started_at, one.state = ago(9000 - at), "ended"
        many.append(one)
    Call.objects.bulk_create(many)
    answer = of_call(api, late.call_control_id)
    assert (answer.status_code, answer.json()["code"]) == (200, "lost")


def test_what_is_not_known_is_404(api: APIClient) -> None:
    assert of_call(api, "v3:nobody").status_code == 404
    assert api.get(f"{SESSIONS}nothing/explanation/").status_code == 404
