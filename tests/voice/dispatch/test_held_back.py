"""Since when a command is held back, and why, is kept on it and told where a person looks."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.batches import begin
from tests.support.commands import of_event
from tests.support.connected_threads import others, wait_for
from tests.support.databases import TWO_WRITERS
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


@pytest.mark.parametrize(
    ("lag", "asked", "due", "is_late"), [(held_back.LAG, 2.5, None, True), (timedelta(seconds=30), 60, 1, False)]
)
def test_it_was_taken_up_late_two_seconds_after_its_time(
    account: TelnyxAccount,
    monkeypatch: pytest.MonkeyPatch,
    lag: timedelta,
    asked: float,
    due: float | None,
    is_late: bool,
) -> None:
    """Its time is when it was asked for, or a later one that it was given."""
    monkeypatch.setattr(held_back, "LAG", lag)
    command = wish(account)
    with serving(answer("200 OK", b'{"data": {"result": "ok"}}')) as server:
        TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{server.url}/v2")
        times = {"created_at": ago(asked), "lease_until": due and ago(due)}
        CallCommand.objects.filter(pk=command.pk).update(**times)
        sender.send(command.pk)
    assert kept(command)[1].startswith("Nobody took it up") == is_late


@pytest.mark.parametrize(
    ("waits", "why"),
    [
        (
            {"state": "open", "next_probe_at": 60, "why": "No answer."},
            "Commands of this account are held back: No answer.",
        ),
        ({"wait_until": 60}, "Telnyx asked this account to wait: too many requests."),
        ({"wait_until": -1}, ""),
        ({"state": "open", "next_probe_at": -1, "why": "No answer."}, ""),  # somebody may try
    ],
)
def test_without_any_wake_up_the_sweep_notes_what_waits_for_its_account(
    account: TelnyxAccount, waits: dict[str, Any], why: str
) -> None:
    told = {name: ago(-value) if isinstance(value, int) else value for name, value in waits.items()}
    AccountBreaker.objects.create(account=account, since=ago(9), **told)
    command, other = wish(account), wish(TelnyxAccount.objects.create(name="other", base_url=account.base_url))
    before, later, on_the_wire = wish(account, "b"), wish(account, "c"), wish(account, "d")
    CallCommand.objects.filter(pk=before.pk).update(held_since=ago(5), held_why=held_back.BLOCKED)
    CallCommand.objects.filter(pk=later.pk).update(lease_until=ago(-60))
    CallCommand.objects.filter(pk=on_the_wire.pk).update(status="sending")
    held_back.note_accounts()
    since, said = kept(command)
    assert (said, since is not None) == (why, bool(why))
    assert [kept(one)[1] for one in (before, other, later, on_the_wire)] == [held_back.BLOCKED, "", "", ""]


def test_without_any_wake_up_the_sweep_notes_dials_that_wait_and_nothing_else(account: TelnyxAccount) -> None:
    """The lines of a batch, say: nobody is woken for these."""
    AccountBreaker.objects.create(account=account, since=ago(9), dials_wait_until=ago(-60))
    dialled = {"connection_id": "1", "from": "+13125550100", "to": "+13125550001"}
    hung_up, mine = wish(account), outbox.dial(account, dialled, PORTAL)
    theirs = outbox.dial(make_account("beside"), dialled, PORTAL)
    held_back.note_accounts()
    assert kept(mine)[1] == "Telnyx asked this account to wait with dials: more a second than it takes."
    assert (kept(mine)[0] is not None, kept(hung_up), kept(theirs)) == (True, (None, ""), (None, ""))
    AccountBreaker.objects.update(dials_wait_until=ago(1))
    late = outbox.dial(account, dialled, PORTAL)
    held_back.note_accounts()
    assert kept(late) == (None, "")


def test_a_long_reason_is_noted_as_far_as_there_is_room(account: TelnyxAccount) -> None:
    AccountBreaker.objects.create(account=account, state="open", since=ago(9), next_probe_at=ago(-60), why="x" * 500)
    woken, waiting = wish(account), wish(account, "b")
    sender.send(woken.pk)
    held_back.note_accounts()
    why = f"Commands of this account are held back: {'x' * 500}"[:300]
    assert [kept(one)[1] for one in (woken, waiting)] == [why, why]


def test_why_it_was_held_back_stays_when_it_is_taken_up_in_the_end(account: TelnyxAccount) -> None:
    command, since = wish(account), ago(5)
    told = {"created_at": ago(7), "held_since": since, "held_why": held_back.BLOCKED}
    CallCommand.objects.filter(pk=command.pk).update(**told)
    with serving(answer("200 OK", b'{"data": {"result": "ok"}}')) as server:
        TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
    assert (CallCommand.objects.get(pk=command.pk).status, kept(command)) == ("ok", (since, held_back.BLOCKED))


def test_only_the_first_attempt_of_what_stood_alone_was_taken_up_late(account: TelnyxAccount) -> None:
    """A resend had its own time, and what follows of an event waited for the one before it."""
    resent = wish(account)
    tried = {"at": ago(9).isoformat(), "outcome": "unavailable"}
    CallCommand.objects.filter(pk=resent.pk).update(attempts=[tried], lease_until=ago(7), created_at=ago(9))
    first, second = of_event(make_call(account, "b"), ("answer", {}), ("hangup", {}))
    CallCommand.objects.filter(pk__in=[first.pk, second.pk]).update(created_at=ago(7))
    with serving(answer("200 OK", b'{"data": {"result": "ok"}}')) as server:
        TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{server.url}/v2")
        for command in (resent, first, second):
            sender.send(command.pk)
    assert [kept(one)[1][:17] for one in (resent, first, second)] == ["", "Nobody took it up", ""]


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


@pytest.mark.django_db(transaction=True)
@TWO_WRITERS
def test_the_sweep_waits_for_nobody_who_has_one_of_the_commands(account: TelnyxAccount) -> None:
    """Whoever stops everything locks many of them, in an order of his own: of two that wait for each other one dies."""
    AccountBreaker.objects.create(account=account, since=ago(9), wait_until=ago(-60))
    theirs, mine = wish(account), wish(account, "b")
    locked, noted = threading.Event(), threading.Event()

    def steer() -> None:
        with transaction.atomic():
            list(CallCommand.objects.select_for_update(no_key=True).filter(pk=theirs.pk))
            locked.set()
            wait_for(noted, "the note on the other command")

    with others() as elsewhere:
        elsewhere(steer)
        wait_for(locked, "the lock")
        held_back.note_accounts()
        noted.set()
    assert (kept(theirs), kept(mine)[1]) == ((None, ""), "Telnyx asked this account to wait: too many requests.")
    held_back.note_accounts()
    assert kept(theirs)[1] == kept(mine)[1]
