"""What would ring a phone and waits, or is on the wire, while everything is stopped."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError, TelnyxUnavailable, TelnyxUncertain
from tests.support.accounts import make_account
from tests.support.batches import begin
from tests.support.commands import act, dial, now_due, of_event, seen
from tests.support.factories import make_call, run_owed
from tests.support.rows import AccountBreaker, Call, CallCommand, DialBatch
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice.commands import outbox
from voice.dispatch import sender
from voice.models import Stop
from voice.stops import service

pytestmark = pytest.mark.django_db
SENT_BACK = TelnyxUnavailable("Too many requests.", http_status=429, retry_after=1)
NOT_ANSWERED = TelnyxUncertain("HTTP 503", http_status=503)
NEW = {"call_control_id": "v3:new", "call_leg_id": "new", "call_session_id": "s"}
WORDS = "All outgoing calls were stopped by portal."


def on_the_wire(command: CallCommand) -> CallCommand:
    now_due(command)
    claimed = sender._claim(command.pk)
    assert claimed is not None
    return claimed


def stop(account: TelnyxAccount | None) -> Stop:
    return service.stop_outgoing(uuid.uuid4(), PORTAL, account)


def sent_again(command: CallCommand) -> int:
    """Its time comes, and Telnyx takes whatever it is asked for; how often it is asked."""
    AccountBreaker.objects.all().delete()
    now_due(command)
    with telnyx_says(command.account, calls={"data": NEW}) as asked:
        sender.send(command.pk)
    return len(asked.requests)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SENT_BACK, "expired", f"{WORDS} Before: Too many requests."),
        (NOT_ANSWERED, "uncertain", f"{WORDS} Whether Telnyx carried it out is not known."),
    ],
    ids=["sent back", "not answered"],
)
@pytest.mark.parametrize("is_of_all", [False, True], ids=["of its account", "of all"])
def test_a_dial_that_telnyx_has_not_taken_when_all_is_stopped_is_not_sent_again(
    account: TelnyxAccount, error: TelnyxError, status: str, words: str, is_of_all: bool
) -> None:
    claimed = on_the_wire(dial(account, "1"))
    assert stop(None if is_of_all else account).dials == 0  # it has left
    sender._settle(claimed, sender._Outcome(error=error))
    assert sent_again(claimed) == 0
    assert (seen(claimed).status, seen(claimed).error) == (status, words)


def test_one_that_waits_for_its_resend_when_all_is_stopped_is_not_sent_again(account: TelnyxAccount) -> None:
    """Of its first attempt nothing was heard, the second one was sent back."""
    command = dial(account, "1")
    tried = [{"at": ago(5).isoformat(), "outcome": one} for one in ("uncertain", "unavailable")]
    CallCommand.objects.filter(pk=command.pk).update(first_sent_at=ago(5), attempts=tried)
    stop(account)
    assert (sent_again(command), seen(command).status) == (0, "uncertain")


def test_one_that_telnyx_takes_is_a_call_that_the_next_stop_hangs_up(account: TelnyxAccount) -> None:
    claimed = on_the_wire(dial(account, "1"))
    assert stop(account).calls == 0
    sender._settle(claimed, sender._Outcome(answer=NEW))
    call = Call.objects.get()
    assert (seen(claimed).status, seen(claimed).call) == ("ok", call)
    (hang_up,) = service.commands_of(stop(account))
    assert hang_up.call == call


def test_one_of_another_account_is_sent_again(account: TelnyxAccount) -> None:
    claimed = on_the_wire(dial(make_account("other"), "1"))
    stop(account)
    sender._settle(claimed, sender._Outcome(error=SENT_BACK))
    assert (sent_again(claimed), seen(claimed).status) == (1, "ok")


@pytest.mark.parametrize("lines", [1, 2], ids=["its last line", "one of its lines"])
def test_a_line_that_is_sent_back_waits_until_its_batch_goes_on(
    api: APIClient, account: TelnyxAccount, lines: int
) -> None:
    batch = begin(api, lines)
    claimed = on_the_wire(batch.commands.get(sequence=1))
    stopped = stop(account)
    sender._settle(claimed, sender._Outcome(error=SENT_BACK))
    assert (stopped.batches, DialBatch.objects.get().status) == (1, "paused")
    assert (sent_again(claimed), seen(claimed).status) == (0, "queued")
    assert service.resume(stopped.pk, PORTAL) == 1
    assert (sent_again(claimed), seen(claimed).status) == (1, "ok")


def test_a_batch_whose_last_line_telnyx_has_taken_is_done_though_it_was_stopped(
    api: APIClient, account: TelnyxAccount
) -> None:
    batch = begin(api, 1)
    claimed = on_the_wire(batch.commands.get())
    stop(account)
    sender._settle(claimed, sender._Outcome(answer=NEW))
    told: Any = api.get(f"/api/v1/dial-batches/{batch.pk}/").json()
    assert (told["status"], told["progress"]["counts"]["ok"]) == ("done", 1)


# --- Transfers, and what else rings a phone ---------------------------------------------------------------------------

OK = {"data": {"result": "ok"}}
TRANSFER = {"to": "+13125550001"}
RINGING = [("transfer", TRANSFER), ("refer", {"sip_address": "sip:ada@sip.telnyx.com"})]


@pytest.mark.parametrize(("action", "parameters"), RINGING)
@pytest.mark.parametrize("is_of_all", [False, True], ids=["of its account", "of all"])
def test_what_rings_and_has_not_left_is_dropped_as_a_dial_is(
    account: TelnyxAccount, action: str, parameters: dict[str, str], is_of_all: bool
) -> None:
    command = act(make_call(account), action, **parameters)
    stop(None if is_of_all else account)
    assert (sent_again(command), seen(command).status, seen(command).error) == (0, "expired", WORDS)


@pytest.mark.parametrize(("action", "parameters"), RINGING)
def test_what_rings_and_was_not_answered_is_not_sent_again_after_a_stop(
    account: TelnyxAccount, action: str, parameters: dict[str, str]
) -> None:
    command = act(make_call(account), action, **parameters)
    with telnyx_says(account, actions="503 Service Unavailable") as asked:
        sender.send(command.pk)
    assert (len(asked.requests), seen(command).status, stop(account).dials) == (1, "sending", 0)
    assert sent_again(command) == 0
    words = f"{WORDS} Whether Telnyx carried it out is not known."
    assert (seen(command).status, seen(command).error) == ("uncertain", words)


def test_a_rule_s_transfer_behind_a_command_that_is_sent_again_rings_nobody_after_a_stop(
    account: TelnyxAccount,
) -> None:
    """The caller's leg is incoming: nothing hangs it up."""
    spoken, transfer = of_event(
        make_call(account), ("speak", {"payload": "Hello", "voice": "female"}), ("transfer", TRANSFER)
    )
    with telnyx_says(account, actions="503 Service Unavailable"):
        sender.send(spoken.pk)
    assert stop(account).dials == 1
    now_due(spoken)
    with telnyx_says(account, actions=OK) as asked:
        run_owed()
    assert [request.split(b" ")[1].rpartition(b"/")[2] for request in asked.requests] == [b"speak"]
    assert [seen(one).status for one in (spoken, transfer)] == ["ok", "expired"]
    assert seen(transfer).error == WORDS


def test_a_transfer_that_telnyx_sent_back_does_not_go_before_the_hang_up_of_a_stop(account: TelnyxAccount) -> None:
    transfer = act(make_call(account, direction="outgoing"), "transfer", **TRANSFER)
    with telnyx_says(account, actions="429 Too Many Requests"):
        sender.send(transfer.pk)
    assert seen(transfer).status == "queued"
    (hang_up,) = service.commands_of(stop(account))
    AccountBreaker.objects.all().delete()
    for command in (transfer, hang_up):
        now_due(command)
    with telnyx_says(account, actions=OK) as asked:
        run_owed()
    assert [request.split(b" ")[1].rpartition(b"/")[2] for request in asked.requests] == [b"hangup"]
    assert [seen(one).status for one in (transfer, hang_up)] == ["expired", "ok"]


def test_other_instructions_are_dropped_where_their_document_dials(account: TelnyxAccount) -> None:
    documents = ("<Dial>+13125550001</Dial>", "<Say>Please hold the line.</Say>")
    dials, says = (
        outbox.place(account, "texml.calls.redirect", {"Texml": f"<Response>{one}</Response>"}, PORTAL, path=["v3:t"])
        for one in documents
    )
    assert stop(account).dials == 1
    assert [seen(one).status for one in (dials, says)] == ["expired", "queued"]


def test_who_hangs_up_picked_calls_drops_nothing_of_others(account: TelnyxAccount) -> None:
    picked, transfer = make_call(account, "picked"), act(make_call(account), "transfer", **TRANSFER)
    service.hang_up(uuid.uuid4(), [picked.pk], PORTAL)
    assert seen(transfer).status == "queued"
