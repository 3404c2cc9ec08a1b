"""What is said of an end stands at its call a moment later, and is right however late something came."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DataError
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.accounts import make_account
from tests.support.commands import act
from tests.support.ending_rows import BY_ID, OF_CALLS, store
from tests.support.events import tell
from tests.support.factories import make_call, make_event, make_flow
from tests.support.rest import of_call, send
from tests.support.rows import Call, CallCommand
from tests.support.sandbox_http import Http
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.calls import status
from voice.explanations import judging, rows

pytestmark = pytest.mark.django_db


def kept(account: TelnyxAccount, leg: str = "a") -> tuple[str, str, str]:
    call = Call.objects.get(account=account, call_control_id=f"v3:{leg}-leg")
    return call.ending, call.ending_category, call.ended_by


@pytest.mark.parametrize("case", OF_CALLS.values(), ids=OF_CALLS)
def test_each_case_is_kept_at_its_calls_as_it_is_told(account: TelnyxAccount, case: dict[str, Any]) -> None:
    calls = store(account, case)
    judging.judge_due()
    verdicts = rows.verdicts_of(calls)
    for call in Call.objects.filter(account=account):
        verdict = verdicts[call.pk]
        if call.state == "lost":  # written past the services: nobody asked for a judgement
            continue
        assert (call.ending, call.ending_category, call.ended_by) == (verdict.code, verdict.category, verdict.who)
        assert call.judge_at is None
    first = Call.objects.get(pk=calls[0].pk)
    if first.ending:
        assert first.ending_category == case["expected"]["category"]
        assert first.ended_by in case["expected"]["who_ended"].split("|")


def test_a_hang_up_has_the_end_judged_and_a_living_call_is_left_alone(account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-5), make_event("call.answered", -4))
    assert not judging.is_due()
    tell(account, make_event("call.hangup", -1))
    assert judging.is_due()
    assert judging.judge_due() == 1
    assert kept(account) == ("hung_up", "completed", "caller")
    assert not judging.is_due()


def test_what_comes_later_has_it_judged_again(account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-5), make_event("call.hangup", -1))
    judging.judge_due()
    assert kept(account)[1] == "not_answered"
    tell(account, make_event("call.answered", -4))
    assert judging.judge_due() == 1
    assert kept(account) == ("hung_up", "completed", "caller")


def test_what_comes_while_it_is_judged_is_not_lost(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(account, make_event(seconds=-5), make_event("call.hangup", -1))
    read = rows.facts_of

    def meanwhile(legs: list[Call]) -> Any:
        facts = read(legs)
        monkeypatch.setattr(rows, "facts_of", read)
        tell(account, make_event("call.answered", -4))
        return facts

    monkeypatch.setattr(rows, "facts_of", meanwhile)
    judging.judge_due()
    assert judging.is_due()
    judging.judge_due()
    assert kept(account) == ("hung_up", "completed", "caller")


def test_the_end_of_one_leg_has_the_others_judged(account: TelnyxAccount) -> None:
    case = BY_ID["p05-transferred-target-left-first"]
    a, b = (case["events"][0]["data"]["payload"], case["events"][2]["data"]["payload"])
    early = [event for event in case["events"] if event["data"]["payload"] | {} != {}]
    late = next(
        event
        for event in early
        if event["data"]["event_type"] == "call.hangup"
        and event["data"]["payload"]["call_control_id"] == b["call_control_id"]
    )
    store(account, case | {"events": [event for event in early if event is not late], "commands": []})
    judging.judge_due()
    first = Call.objects.get(call_control_id=a["call_control_id"])
    assert first.ended_by == "unknown"
    store(account, case | {"events": [late]})
    judging.judge_due()
    assert Call.objects.get(pk=first.pk).ended_by == "callee"


def test_an_open_command_has_it_judged_again_until_its_outcome_is_known(account: TelnyxAccount) -> None:
    case = BY_ID["p02-out-user-hung-up"]
    (call,) = store(account, case)
    hangup = CallCommand.objects.filter(call=call, action="hangup")
    hangup.update(status="uncertain")
    now = timezone.now()
    Call.objects.filter(pk=call.pk).update(ended_at=now, judge_at=ago(1))  # by the database's clock, which is another
    judging.judge_due()
    call.refresh_from_db()
    assert call.ended_by == "us"
    assert call.judge_at is not None
    assert timedelta(seconds=3) < call.judge_at - now < timedelta(seconds=60)
    hangup.update(status="ok")
    Call.objects.filter(pk=call.pk).update(judge_at=ago(1))
    judging.judge_due()
    call.refresh_from_db()
    assert call.judge_at is None


def test_a_call_that_comes_back_while_it_is_judged_as_lost_is_not(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(account, make_event(seconds=-500), make_event("call.answered", -499))
    status.close_as_lost(Call.objects.get(account=account), None, timezone.now())
    read = rows.facts_of

    def meanwhile(legs: list[Call]) -> Any:
        facts = read(legs)
        monkeypatch.setattr(rows, "facts_of", read)
        tell(account, make_event("call.bridged", 5))
        return facts

    monkeypatch.setattr(rows, "facts_of", meanwhile)
    judging.judge_due()
    judging.judge_due()
    assert Call.objects.get(account=account).is_alive
    assert kept(account) == ("", "", "")
    assert not judging.is_due()


def test_a_call_that_is_closed_without_an_event_is_judged_as_well(account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-500), make_event("call.answered", -499))
    status.close_as_lost(Call.objects.get(account=account), None, timezone.now())
    judging.judge_due()
    assert kept(account) == ("lost", "unknown", "unknown")
    tell(account, make_event("call.bridged", 5))  # it lives after all
    judging.judge_due()
    assert Call.objects.get(account=account).is_alive
    assert kept(account) == ("", "", "")


def asked(api: APIClient, account: TelnyxAccount) -> Any:
    """Telnyx is asked for the call, which ended five seconds ago; what is said of that end."""
    call = Call.objects.get(account=account)
    with telnyx_says(account, calls={"data": {"is_alive": False, "end_time": ago(5).isoformat()}}):
        assert send(api, of_call(call, "refresh")).json()["state"] == "ended"
    judging.judge_due()
    return api.get(of_call(call, "explanation")).json()


def test_an_end_that_telnyx_told_when_it_was_asked_is_not_told_as_lost(api: APIClient, account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-65), make_event("call.answered", -60))
    told = asked(api, account)
    assert kept(account) == ("ended", "unknown", "unknown")
    assert (told["code"], told["confidence"], told["evidence"]) == ("ended", "low", [])
    assert told["sentence"].endswith("as Telnyx said when it was asked; how and by whom was never reported.")
    assert told["flags"] == ["its hang-up was never reported"]
    tell(account, make_event("call.hangup", -5))
    judging.judge_due()
    assert kept(account) == ("hung_up", "completed", "caller")


def test_a_hang_up_of_ours_explains_an_end_that_was_asked_for(api: APIClient, account: TelnyxAccount) -> None:
    tell(account, make_event(seconds=-65), make_event("call.answered", -60))
    command = act(Call.objects.get(account=account), "hangup")
    CallCommand.objects.filter(pk=command.pk).update(status="ok", first_sent_at=ago(6))
    told = asked(api, account)
    assert kept(account) == ("we_hung_up", "completed", "us")
    assert (told["confidence"], [proof["what"] for proof in told["evidence"]]) == ("medium", ["hangup"])


def test_who_hung_up_is_told_though_an_end_that_was_asked_for_came_shortly_before(
    api: APIClient, account: TelnyxAccount
) -> None:
    for leg, direction in (("a", "incoming"), ("b", "outgoing")):
        begun = make_event(seconds=-65, leg=leg, direction=direction)
        tell(account, begun, make_event("call.answered", -60, leg), make_event("call.bridged", -58, leg))
    other = Call.objects.get(account=account, call_control_id="v3:b-leg")
    with telnyx_says(account, calls={"data": {"is_alive": False, "end_time": ago(6).isoformat()}}):
        assert send(api, of_call(other, "refresh")).json()["state"] == "ended"
    tell(account, make_event("call.hangup", -5))
    judging.judge_due()
    assert kept(account) == ("hung_up", "completed", "caller")


def test_a_transfer_of_whose_target_only_the_end_is_known_is_not_told_as_failed(
    api: APIClient, account: TelnyxAccount
) -> None:
    begun = make_event("call.initiated", -65, direction="incoming")
    tell(account, begun, make_event("call.answered", -60))
    command = act(Call.objects.get(account=account), "transfer", to="+13125550001")
    CallCommand.objects.filter(pk=command.pk).update(status="ok", created_at=ago(59), first_sent_at=ago(59))
    tell(account, make_event("call.initiated", -58, "b", direction="outgoing", to="+13125550001"))
    tell(account, make_event("call.bridged", -50))
    target = Call.objects.get(account=account, call_control_id="v3:b-leg")
    with telnyx_says(account, calls={"data": {"is_alive": False, "end_time": ago(6).isoformat()}}):
        assert send(api, of_call(target, "refresh")).json()["state"] == "ended"
    tell(account, make_event("call.hangup", -5, hangup_source="caller"))
    judging.judge_due()
    first = Call.objects.get(account=account, call_control_id="v3:a-leg")
    assert kept(account) == ("hung_up", "completed", "caller")
    assert "failed" not in rows.verdict_of(first).sentence


@pytest.mark.parametrize("defect", [ValueError, DataError("value too long for type character varying(40)")])
def test_a_defect_with_one_call_puts_off_that_one_only(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, defect: Any
) -> None:
    other = make_account("second")
    for owner in (account, other):
        tell(owner, make_event(seconds=-5), make_event("call.hangup", -1))
    judged = judging.judge_session

    def broken(call: Call) -> Any:
        if call.account_id == account.pk:
            raise defect
        return judged(call)

    monkeypatch.setattr(judging, "judge_session", broken)
    assert judging.judge_due() == 2
    assert kept(account) == ("", "", "")
    assert kept(other)[1] == "not_answered"
    assert judging.judge_due() == 0
    late = Call.objects.get(account=account).judge_at
    assert late is not None
    assert late > timezone.now() + timedelta(minutes=50)


@pytest.mark.alone("it judges every call there is")
def test_old_calls_are_filled_in_and_a_second_run_finds_nothing(account: TelnyxAccount, monkeypatch: Any) -> None:
    monkeypatch.setattr(judging, "_TOGETHER", 2)
    now = timezone.now()
    for at, leg in enumerate("abcde"):
        columns = {"started_at": now - timedelta(minutes=at), "ended_at": now, "call_session_id": leg}
        make_call(account, leg, state="ended", **columns)
    make_call(account, "f", call_session_id="f")
    pieces = judging.judge_old()
    assert next(pieces) == 2  # and then somebody stops it
    out = StringIO()
    call_command("explain", "--fill", stdout=out, stderr=StringIO())
    assert out.getvalue() == "3 judged.\n"
    assert {call.ending_category for call in Call.objects.exclude(call_session_id="f")} == {"unknown"}
    assert kept(account, "f") == ("", "", "")
    out = StringIO()
    call_command("explain", "--fill", stdout=out, stderr=StringIO())
    assert out.getvalue() == "0 judged.\n"


def test_a_rule_that_hung_up_is_named_where_telnyx_says_callee(sandbox: Sandbox, http: Http) -> None:
    account = make_account("wired", base_url=sandbox.base_url)
    told = {"application_name": "line", "webhook_event_url": "http://127.0.0.1:9/"}
    connection_id = ask(account, "call_control_applications.create", **told)["data"]["id"]
    make_flow(
        account,
        {"event_type": "call.initiated", "do": [{"action": "answer"}]},
        {"event_type": "call.answered", "do": [{"action": "hangup"}]},
        name="Nights",
        connection_id=connection_id,
    )
    told = {"call_control_id": http.ring(connection_id=connection_id), "connection_id": connection_id}
    for event in (make_event(**told), make_event("call.answered", 0.2, **told)):
        tell(account, event)
    tell(account, make_event("call.hangup", 0.4, hangup_source="callee", **told))
    judging.judge_due()
    call = Call.objects.get(account=account)
    assert [command.status for command in call.commands.order_by("created_at")] == ["ok", "ok"]
    assert (call.ending, call.ending_category, call.ended_by) == ("we_hung_up", "completed", "us")
    assert "rule 2 of flow Nights" in rows.verdict_of(call).sentence
