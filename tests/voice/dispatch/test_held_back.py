"""Since when a command is held back, and why, is kept on it and told where a person looks."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.batches import begin
from tests.support.factories import make_call, run_owed
from tests.support.http_servers import answer, serving
from tests.support.rest import COMMANDS
from tests.support.rows import AccountBreaker, Call, CallCommand
from tests.support.times import ago
from voice.commands import outbox
from voice.dialling import batches
from voice.dispatch import held_back, sender

pytestmark = pytest.mark.django_db


def wish(account: TelnyxAccount, leg: str = "a") -> CallCommand:
    call = Call.objects.filter(account=account, call_control_id=f"v3:{leg}-leg").first() or make_call(account, leg)
    return outbox.act(call, "hangup", {}, PORTAL)


def kept(command: CallCommand) -> tuple[Any, str]:
    row = CallCommand.objects.get(pk=command.pk)
    return row.held_since, row.held_why


def test_what_goes_out_at_once_was_not_held_back(account: TelnyxAccount) -> None:
    command = wish(account)
    with serving(answer("200 OK", b'{"data": {"result": "ok"}}')) as server:
        TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    assert kept(command) == (None, "")


def test_the_account_s_breaker_is_noted_with_its_reason_and_the_first_time_stays(account: TelnyxAccount) -> None:
    told = {"state": "open", "since": ago(9), "next_probe_at": ago(-60), "why": "Telnyx rejects the account's key."}
    breaker = AccountBreaker.objects.create(account=account, **told)
    command = wish(account)
    sender.send(command.pk)
    since, why = kept(command)
    assert why == "Commands of this account are held back: Telnyx rejects the account's key."
    assert abs(since - timezone.now()) < timedelta(minutes=1)
    breaker.why = "5 commands in a row told nothing."
    breaker.save()
    sender.send(command.pk)
    assert kept(command) == (since, "Commands of this account are held back: 5 commands in a row told nothing.")


@pytest.mark.parametrize(
    ("waits", "action", "why"),
    [
        ({"wait_until": ago(-30)}, "hangup", "Telnyx asked this account to wait: too many requests."),
        (
            {"dials_wait_until": ago(-30)},
            "dial",
            "Telnyx asked this account to wait with dials: more a second than it takes.",
        ),
    ],
)
def test_too_many_requests_are_noted(account: TelnyxAccount, waits: Any, action: str, why: str) -> None:
    waits = {name: timezone.now() + timedelta(seconds=30) for name in waits}
    AccountBreaker.objects.create(account=account, since=ago(9), **waits)
    dialled = {"connection_id": "1", "from": "+13125550100", "to": "+13125550001"}
    command = wish(account) if action == "hangup" else outbox.dial(account, dialled, PORTAL)
    sender.send(command.pk)
    assert kept(command)[1] == why


def test_another_command_of_the_call_is_noted(account: TelnyxAccount) -> None:
    call = make_call(account)
    first, second = (outbox.act(call, "speak", {"payload": word, "voice": "female"}, PORTAL) for word in "xy")
    sender.send(second.pk)
    assert kept(second)[1] == held_back.BLOCKED
    assert kept(first) == (None, "")


def test_a_paused_batch_is_noted(account: TelnyxAccount, api: APIClient) -> None:
    batch = begin(api, 2)
    batches.pause(batch, PORTAL)
    line = batch.commands.order_by("sequence").first()
    CallCommand.objects.filter(pk=line.pk).update(lease_until=ago(1))
    sender.send(line.pk)
    assert kept(line)[1] == held_back.PAUSED


def test_what_nobody_took_up_is_noted_when_somebody_does(account: TelnyxAccount) -> None:
    command = wish(account)
    CallCommand.objects.filter(pk=command.pk).update(created_at=ago(7))
    run_owed()
    since, why = kept(command)
    assert why == "Nobody took it up for 7 s: the workers were busy or away."
    assert since == CallCommand.objects.get(pk=command.pk).created_at


def test_without_any_wake_up_the_sweep_notes_what_waits_for_its_account(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, state="open", since=ago(9), next_probe_at=ago(-60), why="No answer.")
    command, other = wish(account), wish(TelnyxAccount.objects.create(name="other", base_url=account.base_url))
    held_back.note_accounts()
    assert kept(command)[1] == "Commands of this account are held back: No answer."
    assert kept(other) == (None, "")


def test_it_is_told_on_the_pages_and_over_rest(account: TelnyxAccount, browser: Client, api: APIClient) -> None:
    command = wish(account)
    CallCommand.objects.filter(pk=command.pk).update(
        held_since=ago(40), first_sent_at=ago(28), held_why="Commands of this account are held back: no answer."
    )
    said = "Commands of this account are held back: no answer."
    assert said in browser.get(f"/admin/voice/callcommand/{command.pk}/change/").text
    page = browser.get(f"/admin/voice/call/{command.call_id}/change/").text
    assert f"held back for 12 s: {said}" in page
    body = api.get(f"{COMMANDS}{command.pk}/").json()
    assert (body["held_why"], body["held_since"] is not None) == (said, True)
