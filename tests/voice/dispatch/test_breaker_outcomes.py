"""What one outcome, or a person, makes of an account's circuit breaker, and what is told of it."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.errors import TelnyxUncertain
from portal.times import read_time
from tests.support.accounts import make_account
from tests.support.commands import act, dial, now_due, seen
from tests.support.factories import make_call
from tests.support.http_servers import answer, serving
from tests.support.rows import AccountBreaker, CallCommand
from tests.support.times import ago
from voice.dispatch import circuit_breaker, sender

pytestmark = pytest.mark.django_db
BAD, GOOD = answer("503 Service Unavailable"), answer("200 OK", b'{"data": {"result": "ok"}}')
REJECTED = answer("401 Unauthorized", b'{"errors": [{"code": "20002", "title": "API key revoked"}]}')


def recent(command: CallCommand, said: bytes) -> str:
    """What the breaker has noted after one more attempt, which Telnyx answers so."""
    with serving(said) as server:
        TelnyxAccount.objects.filter(pk=command.account_id).update(base_url=f"{server.url}/v2")
        now_due(command)
        sender.send(command.pk)
        assert len(server.requests) == 1
    return circuit_breaker.breaker_of(command.account).recent


def test_of_one_command_one_silence_counts_and_its_answer_whenever_it_comes(account: TelnyxAccount) -> None:
    command = act(make_call(account), "hangup")
    assert [recent(command, said) for said in (BAD, BAD, GOOD)] == ["x", "x", "xo"]
    assert seen(command).status == "ok"


def test_that_the_key_is_rejected_counts_as_no_answer(account: TelnyxAccount) -> None:
    assert recent(act(make_call(account), "hangup"), REJECTED) == "x"


def test_what_was_on_the_wire_when_it_opened_makes_no_pause_longer(account: TelnyxAccount) -> None:
    late = sender._claim(act(make_call(account), "hangup").pk)
    assert late is not None
    told: dict[str, Any] = {"state": "open", "pauses": 1, "next_probe_at": ago(-60), "recent": "x" * 12}
    AccountBreaker.objects.create(account=account, since=ago(9), **told)
    sender._settle(late, sender._Outcome(error=TelnyxUncertain("HTTP 503", http_status=503)))
    row = AccountBreaker.objects.get()
    assert {name: getattr(row, name) for name in told} == told | {"recent": "x" * 13}


def test_one_that_never_opened_is_closed_since_its_account_was_made(account: TelnyxAccount, api: APIClient) -> None:
    url = f"/api/v1/accounts/{account.name}/breaker/"
    told = {"account": account.name, "state": "closed", "why": "", "next_probe_at": None, "recent": ""}
    told |= {"wait_until": None, "dials_wait_until": None}
    for body in (api.get(url).json(), api.post(f"{url}close/").json()):
        assert read_time(body.pop("since")) == account.created_at
        assert body == told
    assert not AuditEvent.objects.filter(action="breaker.close").exists()


@pytest.mark.parametrize("names", [["wait_until", "dials_wait_until"], ["dials_wait_until", "wait_until"]])
def test_the_time_that_telnyx_asked_to_wait_is_told_until_it_is_over(
    account: TelnyxAccount, api: APIClient, names: list[str]
) -> None:
    url, until = f"/api/v1/accounts/{account.name}/breaker/", ago(-60)
    name, other = names
    AccountBreaker.objects.create(account=account, since=ago(9), **{name: until})
    for body in (api.get(url).json(), api.post(f"{url}close/").json()):
        assert (body["state"], read_time(body[name]), body[other]) == ("closed", until, None)
    AccountBreaker.objects.update(**{name: ago(1)})
    assert api.get(url).json()[name] is None


def test_who_closes_it_is_noted_with_since_when_and_why_it_was_open(account: TelnyxAccount, api: APIClient) -> None:
    since = ago(9)
    told = {"state": "open", "next_probe_at": ago(-60), "why": "Away.", "pauses": 3, "recent": "xxxxx"}
    AccountBreaker.objects.create(account=account, since=since, **told)
    body = api.post(f"/api/v1/accounts/{account.name}/breaker/close/").json()
    assert (body["state"], body["why"]) == ("closed", "Closed by token: tests.")
    assert (body["next_probe_at"], body["recent"], AccountBreaker.objects.get().pauses) == (None, "", 0)
    note = AuditEvent.objects.get(action="breaker.close")
    assert (note.actor, note.details) == ("token: tests", {"why": "Away.", "since": since.isoformat()})


def test_those_that_are_open_are_told_the_oldest_first(account: TelnyxAccount, browser: Client) -> None:
    for name, seconds, state in (("b", 60, "open"), ("c", 90, "half-open"), ("d", 99, "closed")):
        AccountBreaker.objects.create(account=make_account(name), since=ago(seconds), state=state)
    AccountBreaker.objects.create(account=account, since=ago(75), state="open")
    shown = browser.get("/admin/voice/callcommand/").context["breakers"]
    assert [row.account.name for row in shown] == ["c", account.name, "b"]


def test_dials_go_again_when_the_time_is_over_that_telnyx_asked_for(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, since=ago(9), wait_until=ago(1), dials_wait_until=ago(1))
    command = dial(account, "1")
    assert sender.due(9) == [command.pk]
    assert sender._claim(command.pk) is not None


def test_what_becomes_of_one_accounts_breaker_leaves_the_others_alone(account: TelnyxAccount) -> None:
    other, probe = make_account("other"), ago(1)
    told = {"state": "open", "next_probe_at": probe, "recent": "xxxxx", "pauses": 2, "why": "Away."}
    AccountBreaker.objects.create(account=other, since=ago(99), **told)
    before = AccountBreaker.objects.values().get(account=other)
    assert recent(act(make_call(account), "hangup"), BAD) == "x"
    assert recent(act(make_call(account, "b"), "hangup"), answer("429 Too Many Requests")) == "xo"
    mine = AccountBreaker.objects.filter(account=account)
    assert mine.get().wait_until is not None
    mine.update(wait_until=None, state="open", next_probe_at=probe)
    assert sender._claim(act(make_call(account, "c"), "hangup").pk) is not None
    assert mine.get().state == "half-open"
    assert circuit_breaker.close(account, PORTAL).account == account
    assert AccountBreaker.objects.values().get(account=other) == before
    assert [circuit_breaker.breaker_of(one).state for one in (account, other)] == ["closed", "open"]
    circuit_breaker.close(other, PORTAL)
    assert [circuit_breaker.breaker_of(one).state for one in (account, other)] == ["closed", "closed"]


def test_the_pauses_of_a_long_outage_are_counted_up_to_a_thousand(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, since=ago(9), state="open", pauses=999)
    counted = []
    for leg in "ab":
        AccountBreaker.objects.update(next_probe_at=ago(1))
        recent(act(make_call(account, leg), "hangup"), BAD)
        counted.append(AccountBreaker.objects.get().pauses)
    assert counted == [1000, 1000]


def test_what_was_claimed_before_there_was_a_breaker_counts_in_it(account: TelnyxAccount) -> None:
    early = sender._claim(act(make_call(account), "hangup").pk)
    assert early is not None
    assert recent(act(make_call(account, "b"), "hangup"), BAD) == "x"
    sender._settle(early, sender._Outcome(answer={"result": "ok"}))
    assert (seen(early).status, AccountBreaker.objects.get().recent) == ("ok", "xo")
