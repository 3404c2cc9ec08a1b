"""A bridge that is refused just after a leg was answered or freed: once more if both legs live, under a new id."""

import json
from datetime import timedelta
from typing import Any

import pytest

from portal import sql
from portal.models import TelnyxAccount
from tests.support.commands import act, now_due, outcomes, seen
from tests.support.factories import make_call
from tests.support.http_servers import Listener
from tests.support.rows import AccountBreaker, Call, CallCommand
from tests.support.telnyx_answers import telnyx_says
from voice.dispatch import sender

pytestmark = pytest.mark.django_db
REFUSED = ("422 Unprocessable Entity", {"errors": [{"code": "90015", "detail": "Call is not ready to be bridged"}]})
OK = {"data": {"result": "ok"}}


def bridge(account: TelnyxAccount, *answers: Any, **other: Any) -> tuple[CallCommand, Listener]:
    """A bridge with another leg that Telnyx answers so, one attempt after the other."""
    make_call(account, "b", **other)
    command = act(make_call(account), "bridge", call_control_id="v3:b-leg")
    left = iter(answers)
    with telnyx_says(account, bridge=lambda _: next(left)) as telnyx:
        for _ in answers:
            now_due(command)
            sender.send(command.pk)
    return seen(command), telnyx


def ids(telnyx: Listener) -> list[str]:
    return [json.loads(request.partition(b"\r\n\r\n")[2])["command_id"] for request in telnyx.requests]


def test_it_is_tried_once_more(account: TelnyxAccount) -> None:
    command, telnyx = bridge(account, REFUSED, OK)
    assert (command.status, outcomes(command)) == ("ok", ["refused", "ok"])
    first, second = ids(telnyx)
    assert (first, second != first) == (str(command.pk), True)  # a repeat of the first might be ignored


def test_until_then_it_waits_and_has_not_been_sent(account: TelnyxAccount) -> None:
    before = sql.clock()
    command, _ = bridge(account, REFUSED)
    assert (command.status, command.first_sent_at) == ("queued", None)
    assert before <= command.lease_until - timedelta(milliseconds=400) <= sql.clock()
    assert "not ready" in command.error
    Call.objects.filter(call_control_id="v3:a-leg").update(state="ended")
    now_due(command)
    sender.send(command.pk)
    assert (seen(command).status, len(seen(command).attempts)) == ("expired", 1)


def test_a_second_refusal_is_final(account: TelnyxAccount) -> None:
    command, telnyx = bridge(account, REFUSED, REFUSED)
    assert (command.status, len(telnyx.requests)) == ("refused", 2)


def test_a_repeat_of_the_second_try_is_one_under_its_id(account: TelnyxAccount) -> None:
    command, telnyx = bridge(account, REFUSED, "503 Service Unavailable", OK)
    first, second, third = ids(telnyx)
    assert (command.status, second != first, third) == ("ok", True, second)


def test_a_refusal_after_a_lost_answer_tells_nothing(account: TelnyxAccount) -> None:
    command, _ = bridge(account, "503 Service Unavailable", REFUSED)
    assert command.status == "uncertain"


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        (REFUSED, {"state": "ended"}),
        (("422 Unprocessable Entity", {"errors": [{"code": "90018"}]}), {}),
        (("403 Forbidden", {"errors": [{"code": "10010"}]}), {}),
    ],
    ids=["the other leg has ended", "the call has", "not allowed"],
)
def test_any_other_refusal_is_final_at_once(account: TelnyxAccount, answer: Any, other: dict[str, Any]) -> None:
    command, telnyx = bridge(account, answer, **other)
    assert (command.status, len(telnyx.requests)) == ("refused", 1)


@pytest.mark.parametrize(("state", "status", "requests"), [("answered", "ok", 2), ("ended", "refused", 1)])
def test_whether_it_is_tried_once_more_is_asked_of_its_two_legs_alone(
    account: TelnyxAccount, state: str, status: str, requests: int
) -> None:
    make_call(account, "c")  # which lives, whatever became of the other two
    command, telnyx = bridge(account, REFUSED, OK, state=state)
    assert (command.status, len(telnyx.requests)) == (status, requests)


def test_what_telnyx_had_no_time_for_before_counts_for_no_try(account: TelnyxAccount) -> None:
    make_call(account, "b")
    command = act(make_call(account), "bridge", call_control_id="v3:b-leg")
    told: list[Any] = [("429 Too Many Requests", {}), REFUSED, OK]
    left = iter(told)
    with telnyx_says(account, bridge=lambda _: next(left)):
        for _ in range(3):
            AccountBreaker.objects.update(wait_until=None)
            now_due(command)
            sender.send(command.pk)
    assert (seen(command).status, outcomes(command)) == ("ok", ["unavailable", "refused", "ok"])


def test_so_it_is_of_another_command(account: TelnyxAccount) -> None:
    command = act(make_call(account), "answer")
    with telnyx_says(account, answer=REFUSED):
        sender.send(command.pk)
    assert seen(command).status == "refused"
