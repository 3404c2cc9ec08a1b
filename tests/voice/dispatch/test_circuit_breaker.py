"""The circuit breaker of an account: commands stop, webhooks never do."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from portal import sql
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.errors import TelnyxUnavailable
from tests.support.accounts import make_account
from tests.support.clocks import is_near
from tests.support.factories import make_call, make_event, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rest import api_for, problem
from tests.support.rows import AccountBreaker, Call, CallCommand, CallEvent, Limits
from tests.support.sandbox_ledger import wire
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.commands import outbox
from voice.dispatch import circuit_breaker, sender

pytestmark = pytest.mark.django_db


def tries(account: TelnyxAccount, *answers: bytes) -> list[CallCommand]:
    """One command after another, each of another call, one attempt each; Telnyx gives these answers."""
    told = iter(answers)
    made = []
    with serving(lambda connection: connection.sendall(next(told))) as server:
        TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{server.url}/v2")
        for at in range(len(answers)):
            call = make_call(account, f"leg-{Call.objects.count()}-{at}")
            made.append(outbox.act(call, "hangup", {}, PORTAL))
            sender.send(made[-1].pk)
        assert len(server.requests) == len(answers)
    return made


BAD, GOOD = answer("503 Service Unavailable"), answer("200 OK", b'{"data": {"result": "ok"}}')
REJECTED = answer("401 Unauthorized", b'{"errors": [{"code": "20002", "title": "API key revoked"}]}')


def state(account: TelnyxAccount) -> str:
    return circuit_breaker.breaker_of(account).state


def test_five_in_a_row_that_tell_nothing_open_it(account: TelnyxAccount) -> None:
    tries(account, *[BAD] * 4, GOOD, *[BAD] * 4)
    assert state(account) == "closed"
    tries(account, BAD)
    assert state(account) == "open"
    assert "5 commands in a row told nothing" in circuit_breaker.breaker_of(account).why


def test_five_in_a_row_that_reach_nobody_open_it(account: TelnyxAccount) -> None:
    TelnyxAccount.objects.filter(pk=account.pk).update(base_url="http://127.0.0.1:9/v2")  # where nobody listens
    for at in range(5):
        assert state(account) == "closed"
        sender.send(outbox.act(make_call(account, f"leg-{at}"), "hangup", {}, PORTAL).pk)
    assert state(account) == "open"


def test_half_of_the_last_twenty_open_it(account: TelnyxAccount) -> None:
    tries(account, *[BAD, GOOD] * 9)
    assert state(account) == "closed"
    tries(account, BAD)
    assert state(account) == "open"


def test_what_was_before_the_last_twenty_does_not_count(account: TelnyxAccount) -> None:
    tries(account, *[BAD, GOOD] * 9, GOOD, GOOD, BAD)
    assert (state(account), circuit_breaker.breaker_of(account).recent) == ("closed", "ox" * 8 + "ooox")


def test_a_rejected_key_opens_it_at_once_and_the_command_is_refused(account: TelnyxAccount) -> None:
    (command,) = tries(account, REJECTED)
    assert state(account) == "open"
    assert CallCommand.objects.get(pk=command.pk).status == "refused"
    assert "revoked" in circuit_breaker.breaker_of(account).why


@pytest.mark.parametrize("said", ["404 Not Found", "422 Unprocessable Entity"])
def test_refusals_never_open_it(account: TelnyxAccount, said: str) -> None:
    tries(account, *[answer(said)] * 12)
    assert state(account) == "closed"


def too_many(code: str) -> bytes:
    errors = f'{{"errors": [{{"code": "{code}", "title": "Too many requests"}}]}}'
    return answer("429 Too Many Requests", errors.encode(), x_ratelimit_reset="30")


def goes(command: CallCommand) -> bool:
    """Whether it is offered to the sweep, and sent when it is woken."""
    offered = command.pk in sender.due(99)
    sender.send(command.pk)
    sent = CallCommand.objects.get(pk=command.pk).first_sent_at is not None or bool(
        CallCommand.objects.get(pk=command.pk).attempts
    )
    assert offered == sent
    return sent


def dial(account: TelnyxAccount) -> CallCommand:
    return outbox.dial(account, {"connection_id": "1", "from": "+13125550100", "to": "+13125550001"}, PORTAL)


def test_too_many_requests_hold_every_command_of_the_account_until_telnyx_wants_them(account: TelnyxAccount) -> None:
    tries(account, too_many("10011"))
    assert state(account) == "closed"
    wish, elsewhere = outbox.act(make_call(account), "hangup", {}, PORTAL), make_account("other")
    assert not goes(wish)
    assert not goes(dial(account))
    assert goes(outbox.act(make_call(elsewhere), "hangup", {}, PORTAL))
    AccountBreaker.objects.update(wait_until=ago(1))
    assert goes(wish)


def test_too_many_dials_hold_dials_and_no_hang_up(account: TelnyxAccount) -> None:
    tries(account, too_many("90103"))
    assert not goes(dial(account))
    assert goes(outbox.act(make_call(account), "hangup", {}, PORTAL))


@pytest.mark.parametrize("order", [(30, 90), (90, 30)])
@pytest.mark.parametrize(("code", "name"), [("10011", "wait_until"), ("90103", "dials_wait_until")])
def test_of_two_that_are_asked_to_wait_the_longer_wait_counts(
    account: TelnyxAccount, order: tuple[int, int], code: str, name: str
) -> None:
    claimed = [sender._claim(outbox.act(make_call(account, leg), "hangup", {}, PORTAL).pk) for leg in "ab"]
    for command, seconds in zip(claimed, order, strict=True):
        assert command is not None
        error = TelnyxUnavailable("HTTP 429", code=code, retry_after=seconds, http_status=429)
        sender._settle(command, sender._Outcome(error=error))
    assert is_near(getattr(circuit_breaker.breaker_of(account), name), 90)


def test_one_stubborn_command_does_not_open_it(account: TelnyxAccount) -> None:
    (command,) = tries(account, BAD)
    with serving(BAD):
        for _ in range(5):
            CallCommand.objects.filter(pk=command.pk).update(lease_until=ago(1))
            sender.send(command.pk)
    assert len(CallCommand.objects.get(pk=command.pk).attempts) == 6
    assert state(account) == "closed"


def forbidden(code: object, detail: str) -> bytes:
    return answer("403 Forbidden", json.dumps({"errors": [{"code": code, "detail": detail}]}).encode())


REFUSALS = [
    *(forbidden(10010, f"Call refused {reason}") for reason in ("D13", "D35", "D60", "D17")),
    *(forbidden(code, "of one feature") for code in ("10038", "10039", "20012", None)),
    answer("422 Unprocessable Entity", b'{"errors": [{"code": "10016"}]}'),
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_says_nothing_of_the_key(account: TelnyxAccount, refusal: bytes) -> None:
    refused = tries(account, *[refusal] * 6)
    assert state(account) == "closed"
    assert {CallCommand.objects.get(pk=command.pk).status for command in refused} == {"refused"}


@pytest.mark.parametrize("code", ["10009", "20001", "20009"])
def test_a_forbidden_key_opens_it(account: TelnyxAccount, code: str) -> None:
    tries(account, forbidden(code, "Authentication failed"))
    assert state(account) == "open"


def test_a_401_opens_it_whatever_its_code_and_however_much_it_says(account: TelnyxAccount) -> None:
    said = {"errors": [{"code": "90000", "detail": "No. " * 200}]}
    (command,) = tries(account, answer("401 Unauthorized", json.dumps(said).encode()))
    breaker = circuit_breaker.breaker_of(account)
    assert (breaker.state, len(breaker.why)) == ("open", 500)
    assert CallCommand.objects.get(pk=command.pk).status == "refused"


def test_why_a_call_was_not_put_through_is_kept_on_the_command(account: TelnyxAccount) -> None:
    (command,) = tries(account, forbidden(10010, "Dialed number is not included in whitelisted countries D13"))
    kept = CallCommand.objects.get(pk=command.pk)
    assert (kept.error_code, kept.attempts[0]["code"]) == ("D13", "10010")
    assert "country is not allowed" in kept.error


def test_after_a_hundred_refused_dials_an_incoming_call_is_answered_as_ever(
    ring: Any, sandbox_account: TelnyxAccount, sandbox: Sandbox
) -> None:
    Limits.objects.create(account=sandbox_account, dials_per_minute=1000, dials_per_day=1000, concurrent_calls=1000)
    call = ring()
    for at in range(100):
        to = f"+1312555{('9013', '9035', '9060', '9017', '9016')[at % 5]}"
        wish = {"connection_id": call.connection_id, "from": "+13125550100", "to": to}
        sender.send(outbox.dial(sandbox_account, wish, PORTAL).pk)
    dials = CallCommand.objects.filter(action="dial")
    assert set(dials.values_list("status", "error_code")) == {
        ("refused", code) for code in ("D13", "D35", "D60", "D17", "10016")
    }
    answered = outbox.act(call, "answer", {}, PORTAL)
    sender.send(answered.pk)
    assert CallCommand.objects.get(pk=answered.pk).status == "ok"


def test_however_often_telnyx_says_too_many_requests_it_stays_closed(account: TelnyxAccount) -> None:
    for _ in range(12):
        tries(account, too_many("10011"))
        AccountBreaker.objects.update(wait_until=ago(1))
    assert (state(account), circuit_breaker.breaker_of(account).recent.count("x")) == ("closed", 0)


def test_while_it_is_open_commands_wait_and_webhooks_come_in(
    ring: Any, sandbox_account: TelnyxAccount, sandbox: Sandbox, account: TelnyxAccount
) -> None:
    call = ring()
    told = {"state": "open", "since": ago(1), "next_probe_at": ago(-60)}
    AccountBreaker.objects.create(account=sandbox_account, **told)
    command = outbox.act(call, "answer", {}, PORTAL)
    assert sender.due(9) == []
    assert sender.send(command.pk) == []
    assert (CallCommand.objects.get().status, wire(sandbox)) == ("queued", [])
    sandbox_account.public_key = account.public_key
    sandbox_account.save()
    event = make_event("call.hold", call_control_id=call.call_control_id)
    assert post_webhook(Client(), sandbox_account, event).status_code == 200
    run_owed()
    assert CallEvent.objects.get().call == call


def test_what_waits_too_long_expires(ring: Any, sandbox_account: TelnyxAccount, sandbox: Sandbox) -> None:
    outbox.act(ring(), "answer", {}, PORTAL)
    AccountBreaker.objects.create(account=sandbox_account, state="open", since=ago(1), next_probe_at=ago(-60))
    CallCommand.objects.update(expires_at=ago(1))
    run_owed()
    assert (CallCommand.objects.get().status, wire(sandbox)) == ("expired", [])


def test_what_was_sent_too_long_ago_is_called_uncertain_meanwhile(account: TelnyxAccount) -> None:
    made = [outbox.act(make_call(account, leg), "answer", {}, PORTAL) for leg in ("long ago", "just now")]
    AccountBreaker.objects.create(account=account, state="open", since=ago(60), next_probe_at=ago(-60))
    CallCommand.objects.update(status="sending", lease_until=ago(1), first_sent_at=ago(2))
    CallCommand.objects.filter(pk=made[0].pk).update(first_sent_at=ago(55))
    assert sender.due(9) == [made[0].pk]
    sender.send(made[0].pk)
    assert sorted(CallCommand.objects.values_list("status", flat=True)) == ["sending", "uncertain"]


def test_another_account_is_not_held_back(ring: Any, sandbox: Sandbox) -> None:
    AccountBreaker.objects.create(account=make_account("other"), state="open", since=ago(1), next_probe_at=ago(-60))
    outbox.act(ring(), "answer", {}, PORTAL)
    run_owed()
    assert CallCommand.objects.get().status == "ok"


@pytest.mark.parametrize("before", ["open", "half-open"])  # the second when whoever tried has died
def test_a_probe_that_is_answered_closes_it(ring: Any, sandbox_account: TelnyxAccount, before: str) -> None:
    AccountBreaker.objects.create(account=sandbox_account, state=before, since=ago(9), next_probe_at=ago(1))
    outbox.act(ring(), "answer", {}, PORTAL)
    run_owed()
    assert (CallCommand.objects.get().status, state(sandbox_account)) == ("ok", "closed")


def test_while_one_of_them_tries_the_others_wait_for_half_a_minute_at_most(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, state="open", since=ago(9), next_probe_at=ago(1))
    probe, other = (outbox.act(make_call(account, leg), "hangup", {}, PORTAL) for leg in "ab")
    assert sender._claim(probe.pk) is not None
    row = circuit_breaker.breaker_of(account)
    assert (row.state, is_near(row.next_probe_at, 30)) == ("half-open", True)
    assert sender._claim(other.pk) is None


def test_a_probe_that_fails_opens_it_for_longer(account: TelnyxAccount) -> None:
    tries(account, *[BAD] * 5)
    first = circuit_breaker.breaker_of(account)
    AccountBreaker.objects.update(next_probe_at=ago(1))
    tries(account, BAD)
    again = circuit_breaker.breaker_of(account)
    assert (again.state, again.since, again.pauses) == ("open", first.since, first.pauses + 1)
    assert again.next_probe_at is not None


def test_each_probe_that_fails_makes_the_pause_longer_and_a_rejected_key_makes_the_longest(
    account: TelnyxAccount,
) -> None:
    answers = [[BAD] * 5, *[[BAD]] * 5, [REJECTED]]
    for pause, told in zip((5, 10, 20, 40, 60, 60, 60), answers, strict=True):
        before = sql.clock()
        if told == [REJECTED]:  # it is closed then, so that any other first pause is short
            circuit_breaker.close(account, PORTAL)
        tries(account, *told)
        probe = circuit_breaker.breaker_of(account).next_probe_at
        assert probe is not None
        assert before <= probe - timedelta(seconds=pause) <= sql.clock()
        AccountBreaker.objects.update(next_probe_at=ago(1))


def test_what_was_closed_begins_anew(account: TelnyxAccount) -> None:
    for _ in range(2):
        tries(account, *[BAD] * 4)
        assert state(account) == "closed"
        tries(account, BAD)
        assert state(account) == "open"
        for _ in range(2):
            circuit_breaker.close(account, PORTAL)
    assert AuditEvent.objects.filter(action="breaker.close").count() == 2  # not what was closed already


@pytest.mark.django_db(transaction=True)
def test_half_open_lets_one_of_many_through(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, state="open", since=ago(9), next_probe_at=ago(1))
    made = [outbox.act(make_call(account, str(at)), "hangup", {}, PORTAL) for at in range(6)]
    at_once = threading.Barrier(6)
    asked: list[int] = []

    def behave(connection: Any) -> None:
        asked.append(1)
        connection.sendall(BAD)

    def send(command: CallCommand) -> None:
        at_once.wait()
        try:
            sender.send(command.pk)
        finally:
            connections.close_all()

    with serving(behave) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        with ThreadPoolExecutor(6) as senders:
            for done in [senders.submit(send, command) for command in made]:
                done.result()
    assert (len(asked), state(account)) == (1, "open")


def test_a_person_with_the_permission_closes_it_and_the_audit_knows(signed_in: Any, account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(
        account=account, state="open", since=ago(9), next_probe_at=ago(-60), why="It was away."
    )
    url = f"/admin/voice/callcommand/breaker/{account.name}/close/"
    assert signed_in("voice.view_callcommand", username="looks").post(url).status_code == 403
    assert state(account) == "open"
    closer = signed_in("voice.view_callcommand", "voice.close_breaker", username="closes")
    page = closer.get("/admin/voice/callcommand/").content.decode()
    assert "held back" in page
    assert "It was away." in page
    assert closer.get(url).status_code == 404
    assert closer.post(url).status_code == 302
    assert state(account) == "closed"
    assert AuditEvent.objects.filter(action="breaker.close", actor="user: closes").count() == 1


def test_the_home_page_shows_it(browser: Client, account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, state="open", since=ago(9), next_probe_at=ago(-60))
    assert "are held back" in browser.get("/admin/").content.decode()


def test_over_rest_it_is_read_and_closed(account: TelnyxAccount, user_with: Any) -> None:
    viewer = api_for(user_with("voice.view_callcommand", username="v"))
    url = f"/api/v1/accounts/{account.name}/breaker/"
    assert viewer.get(url).json()["state"] == "closed"
    AccountBreaker.objects.create(account=account, state="open", since=ago(9), next_probe_at=ago(-60), why="Away.")
    body = viewer.get(url).json()
    assert (body["account"], body["state"], body["why"]) == (account.name, "open", "Away.")
    assert viewer.post(f"{url}close/").status_code == 403
    closer = api_for(user_with("voice.close_breaker", username="c"))
    for refused in (viewer.get(f"{url}?account=other"), closer.post(f"{url}close/?account=other")):
        assert set(problem(refused, 400)["errors"]) == {"account"}
    assert viewer.get(url).json()["state"] == "open"
    assert closer.post(f"{url}close/").json()["state"] == "closed"
    assert viewer.get("/api/v1/accounts/none/breaker/").status_code == 404
