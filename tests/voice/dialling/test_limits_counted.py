"""What counts how often against ``concurrent_calls``, and that nobody counts past another."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from portal.actors import PORTAL, Actor
from portal.models import ApiToken, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.batches import body
from tests.support.clocks import set_wrong
from tests.support.commands import made_uncertain
from tests.support.factories import CONNECTION, make_call, make_event, make_flow
from tests.support.limits import FROM, dial, limit
from tests.support.rows import Call, CallCommand, DialBatch, Limits
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.catalogue.retry_policy import UNKNOWN_AFTER
from voice.commands import outbox
from voice.dialling import batches, limits
from voice.dialling.limits import LimitExceeded
from voice.events import processing
from voice.stops import service as stops

pytestmark = pytest.mark.django_db
TO = "+13125550001"


def rings(account: TelnyxAccount, leg: str = "b", **columns: Any) -> Call:
    """A leg that we called, of which a webhook has just told."""
    told = {"direction": "outgoing", "state": "initiated", "started_at": ago(1), "to_number": TO}
    return make_call(account, leg=leg, **(told | columns))


def on_the_wire(command: CallCommand) -> CallCommand:
    CallCommand.objects.filter(pk=command.pk).update(status="sending", first_sent_at=ago(1), lease_until=ago(-29))
    return command


def in_use(account: TelnyxAccount) -> int:
    return limits.usage(limits.of_account(account)).concurrent_calls


# --- Between the webhook of a leg and the answer to its command ------------------------------------------------------


def test_a_dial_whose_webhook_is_faster_than_its_answer_counts_once(account: TelnyxAccount) -> None:
    limit(account, concurrent_calls=2)
    on_the_wire(dial(account, TO))
    rings(account)
    dial(account, "+13125550002")
    with pytest.raises(LimitExceeded, match="concurrent_calls"):
        dial(account, "+13125550003")


def test_so_it_does_when_it_was_written_in_another_form(account: TelnyxAccount) -> None:
    on_the_wire(dial(account, "+1 (312) 555-0001"))
    rings(account)
    assert in_use(account) == 1


def test_of_several_to_one_number_each_has_one_leg(account: TelnyxAccount) -> None:
    for _ in range(3):
        on_the_wire(dial(account, TO))
    rings(account, "b")
    rings(account, "c")
    assert in_use(account) == 3


def test_a_dial_of_several_numbers_counts_each_once(account: TelnyxAccount) -> None:
    on_the_wire(dial(account, [TO, "+13125550002"]))
    rings(account)
    assert in_use(account) == 2


@pytest.mark.parametrize("columns", [{"to_number": "+13125550009"}, {"started_at": ago(60)}])
def test_a_leg_of_somebody_else_counts_beside_it(account: TelnyxAccount, columns: dict[str, Any]) -> None:
    on_the_wire(dial(account, TO))
    rings(account, **columns)
    assert in_use(account) == 2


def test_a_leg_whose_own_dial_is_answered_counts_beside_it(account: TelnyxAccount) -> None:
    first = dial(account, TO)
    CallCommand.objects.filter(pk=first.pk).update(status="ok", first_sent_at=ago(1), call=rings(account))
    on_the_wire(dial(account, TO))
    assert in_use(account) == 2


def test_a_leg_that_a_document_dialled_counts_for_the_token_that_made_its_call(account: TelnyxAccount) -> None:
    token = ApiToken.objects.create(user=User.objects.create(username="ada"), name="crm", digest="x", prefix="y")
    own = Limits.objects.create(token=token, concurrent_calls=2)
    texml = {"is_texml": True, "call_session_id": ""}
    call, command = rings(account, "a", **texml), dial(account, TO)
    told = {"status": "ok", "token": token, "call": call, "call_control_id": call.call_control_id}
    CallCommand.objects.filter(pk=command.pk).update(**told)
    rings(account, "stranger", **texml)
    assert limits.usage(own).concurrent_calls == 1
    rings(account, "c", parent_control_id=call.call_control_id, **texml)
    assert limits.usage(own).concurrent_calls == 2


def test_a_leg_of_a_token_s_transfer_counts_for_the_token_by_its_session(account: TelnyxAccount) -> None:
    token = ApiToken.objects.create(user=User.objects.create(username="ada"), name="crm", digest="x", prefix="y")
    own = Limits.objects.create(token=token)
    asking = make_call(account, "asking", call_session_id="its own")
    told = {"token": token, "status": "ok", "first_sent_at": ago(9), "finished_at": ago(8)}
    CallCommand.objects.filter(pk=outbox.act(asking, "transfer", {"to": TO}, PORTAL).pk).update(**told)
    rings(account, call_session_id="its own")
    rings(account, "c", call_session_id="another")
    assert limits.usage(own).concurrent_calls == 1


def test_a_leg_of_another_calls_transfer_counts_beside_it(account: TelnyxAccount) -> None:
    call = make_call(account, "asking", call_session_id="one of its own")
    on_the_wire(outbox.act(call, "transfer", {"to": TO}, PORTAL))
    rings(account, call_session_id="another")
    assert in_use(account) == 2
    rings(account, "c", call_session_id="one of its own")
    assert in_use(account) == 2


@pytest.mark.parametrize(("state", "used"), [("answered", 2), ("ended", 1)])
def test_a_leg_of_an_earlier_transfer_is_not_taken_for_the_next_ones(
    account: TelnyxAccount, state: str, used: int
) -> None:
    """It began so little before the next one was sent that clocks do not tell: the earlier one has its leg first."""
    asking = make_call(account, "asking")
    before, after = (outbox.act(asking, "transfer", {"to": TO}, PORTAL) for _ in range(2))
    CallCommand.objects.filter(pk=before.pk).update(status="ok", first_sent_at=ago(8), finished_at=ago(5))
    on_the_wire(after)
    rings(account, state=state, started_at=ago(4))
    assert in_use(account) == used
    rings(account, "c", started_at=ago(0.5))
    assert in_use(account) == used


@pytest.mark.parametrize(("earlier", "used"), [(4.5, 1), (5.5, 2)])
def test_a_leg_may_have_begun_before_its_dial_by_as_much_as_clocks_differ(
    account: TelnyxAccount, earlier: float, used: int
) -> None:
    command, sent = on_the_wire(dial(account, TO)), ago(1)
    CallCommand.objects.filter(pk=command.pk).update(first_sent_at=sent)
    rings(account, started_at=sent - timedelta(seconds=earlier))
    assert in_use(account) == used


def test_a_leg_that_somebody_acts_on_still_stands_for_its_dial(account: TelnyxAccount) -> None:
    on_the_wire(dial(account, TO))
    outbox.act(rings(account), "hangup", {}, PORTAL)
    assert in_use(account) == 1


@pytest.mark.parametrize(("status", "sent", "over"), [("refused", 8, 5), ("ok", 300, 297)])
def test_an_earlier_transfer_without_a_leg_takes_none_of_the_next_ones(
    account: TelnyxAccount, status: str, sent: float, over: float
) -> None:
    """It was refused, or its leg is over for long."""
    asking = make_call(account, "asking")
    before, after = (outbox.act(asking, "transfer", {"to": TO}, PORTAL) for _ in range(2))
    CallCommand.objects.filter(pk=before.pk).update(status=status, first_sent_at=ago(sent), finished_at=ago(over))
    on_the_wire(after)
    rings(account, started_at=ago(0.5))
    assert in_use(account) == 1


def test_an_earlier_dial_to_the_same_number_has_its_own_leg_and_takes_no_other(account: TelnyxAccount) -> None:
    first, own = dial(account, TO), rings(account, "own", state="answered", started_at=ago(11))
    accepted = {"status": "ok", "first_sent_at": ago(12), "finished_at": ago(10), "call": own}
    CallCommand.objects.filter(pk=first.pk).update(**accepted)
    on_the_wire(dial(account, TO))
    rings(account)
    assert in_use(account) == 2


def test_a_dial_that_is_looked_for_has_its_leg_though_others_were_sent_long_after(account: TelnyxAccount) -> None:
    made_uncertain(dial(account, TO), sent=120, over=2)
    rings(account, started_at=ago(119))
    on_the_wire(dial(account, "+13125550002"))
    assert in_use(account) == 2


def test_a_texml_dial_whose_callback_is_faster_than_its_answer_counts_once(account: TelnyxAccount) -> None:
    values = {"From": FROM, "To": TO}
    on_the_wire(outbox.place(account, "texml.calls.create", values, PORTAL, path=[CONNECTION]))
    rings(account)
    assert in_use(account) == 1


def test_a_leg_that_is_over_stands_for_no_dial_that_is_on_its_way(account: TelnyxAccount) -> None:
    on_the_wire(dial(account, TO))
    rings(account, state="ended")
    assert in_use(account) == 1


def test_a_session_that_a_token_called_into_days_ago_is_its_own_no_more(account: TelnyxAccount) -> None:
    token = ApiToken.objects.create(user=User.objects.create(username="ada"), name="crm", digest="x", prefix="y")
    own = Limits.objects.create(token=token)
    asking = make_call(account, "asking", call_session_id="its own")
    told = {"token": token, "status": "ok", "first_sent_at": ago(9), "finished_at": ago(8)}
    asked = CallCommand.objects.filter(pk=outbox.act(asking, "transfer", {"to": TO}, PORTAL).pk)
    rings(account, call_session_id="its own")
    for days, used in ((0, 1), (2, 0)):
        asked.update(counted_at=ago(days * 86400 + 10), **told)
        assert limits.usage(own).concurrent_calls == used


def test_whoever_was_sent_last_has_the_last_leg_though_it_was_asked_for_first(account: TelnyxAccount) -> None:
    for sent in (1, 20):
        CallCommand.objects.filter(pk=on_the_wire(dial(account, TO)).pk).update(first_sent_at=ago(sent))
    rings(account, "c", started_at=ago(0.5))
    rings(account, "b", started_at=ago(15))
    assert in_use(account) == 2


# --- Accepted, and not known to be over ------------------------------------------------------------------------------


def test_an_accepted_transfer_counts_until_its_leg_is_there_and_an_accepted_dial_by_its_call(
    account: TelnyxAccount,
) -> None:
    accepted = {"status": "ok", "first_sent_at": ago(1), "finished_at": ago(0)}
    over = rings(account, "over", state="ended")
    CallCommand.objects.filter(pk=dial(account, TO).pk).update(call=over, **accepted)
    assert in_use(account) == 0
    transfer = outbox.act(make_call(account), "transfer", {"to": TO}, PORTAL)
    CallCommand.objects.filter(pk=transfer.pk).update(**accepted)
    assert in_use(account) == 1
    rings(account)
    assert in_use(account) == 1


def test_an_accepted_transfer_whose_leg_did_not_come_counts_no_more(account: TelnyxAccount) -> None:
    transfer = outbox.act(make_call(account), "transfer", {"to": TO}, PORTAL)
    CallCommand.objects.filter(pk=transfer.pk).update(status="ok", first_sent_at=ago(4), finished_at=ago(3.5))
    assert in_use(account) == 0


def test_an_uncertain_dial_may_ring_and_counts_while_it_is_looked_for(account: TelnyxAccount) -> None:
    limit(account, concurrent_calls=1)
    command = made_uncertain(dial(account, TO), sent=12, over=2)
    with pytest.raises(LimitExceeded, match="concurrent_calls"):
        dial(account, "+13125550002")
    rings(account, started_at=ago(11))
    assert in_use(account) == 1
    Call.objects.update(state="ended")
    CallCommand.objects.filter(pk=command.pk).update(settled_at=ago(0))
    assert in_use(account) == 0
    CallCommand.objects.filter(pk=command.pk).update(settled_at=None, finished_at=ago(UNKNOWN_AFTER.total_seconds()))
    assert in_use(account) == 0


@pytest.mark.parametrize(("seconds", "used"), [(110, 1), (130, 0)])
def test_an_accepted_dial_whose_answer_named_no_call_counts_while_it_may_ring(
    account: TelnyxAccount, seconds: float, used: int
) -> None:
    accepted = {"status": "ok", "first_sent_at": ago(seconds), "finished_at": ago(seconds)}
    CallCommand.objects.filter(pk=dial(account, TO).pk).update(**accepted)
    assert in_use(account) == used
    rings(account, started_at=ago(seconds - 1))
    assert in_use(account) == 1


@pytest.mark.parametrize("action", ["dial", "transfer"])
def test_what_telnyx_has_just_refused_rings_nobody(account: TelnyxAccount, action: str) -> None:
    made = dial(account, TO) if action == "dial" else outbox.act(make_call(account), action, {"to": TO}, PORTAL)
    CallCommand.objects.filter(pk=made.pk).update(status="refused", first_sent_at=ago(2), finished_at=ago(1))
    assert in_use(account) == 0


@pytest.mark.parametrize(("hours", "used"), [(23, 1), (25, 0)])
def test_a_leg_whose_end_was_lost_is_forgotten_after_a_day(account: TelnyxAccount, hours: float, used: int) -> None:
    rings(account, state="answered", started_at=ago(hours * 3600))
    row = limits.of_account(account)
    assert (in_use(account), limits.usages([row])[row.pk].concurrent_calls) == (used, used)


def test_what_counts_now_is_told_by_the_database(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(account, dials_per_minute=1)
    dial(account, TO)
    set_wrong(monkeypatch, -3600)  # a web server whose clock is slow sees what the others counted
    assert limits.usage(limits.of_account(account)).dials_per_minute == 1
    with pytest.raises(LimitExceeded, match="dials_per_minute"):
        dial(account, "+13125550002")


# --- Many at the same moment -----------------------------------------------------------------------------------------


def test_of_two_batches_confirmed_at_once_the_second_finds_no_room(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(account, dials_per_day=5)
    shared = {name: body()[name] for name in ("connection_id", "from")}
    lines = [batches.Line(at, f"+1312555000{at}") for at in range(1, 4)]
    wanted: tuple[TelnyxAccount, dict[str, Any], list[batches.Line], float, Actor] = (
        account,
        shared,
        lines,
        1.0,
        PORTAL,
    )
    seen_before = batches.plan(*wanted)
    monkeypatch.setattr(batches, "plan", lambda *_: seen_before)  # both were looked at before either was made
    batches.make(*wanted)
    with pytest.raises(LimitExceeded, match="dials_per_day"):
        batches.make(*wanted)
    assert (DialBatch.objects.count(), CallCommand.objects.count()) == (1, 3)


def test_a_batch_that_is_confirmed_while_somebody_suspends_is_not_made(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = {name: body()[name] for name in ("connection_id", "from")}
    lines = [batches.Line(1, TO)]
    seen_before = batches.plan(account, shared, lines, 1.0, PORTAL)
    monkeypatch.setattr(batches, "plan", lambda *_: seen_before)
    stops.suspend(account, "1", "", PORTAL)
    with pytest.raises(LimitExceeded, match="is suspended here"):
        batches.make(account, shared, lines, 1.0, PORTAL)
    assert (DialBatch.objects.count(), CallCommand.objects.count()) == (0, 0)


@pytest.mark.parametrize("name", ["dials_per_minute", "dials_per_day", "concurrent_calls"])
def test_dials_of_one_event_count_beside_each_other(account: TelnyxAccount, client: Any, name: str) -> None:
    limit(account, **{name: 2})
    numbers = [TO, "+13125550002", "+13125550003"]
    do = [{"action": "transfer", "parameters": {"to": to, "from": FROM}} for to in numbers]
    make_flow(account, {"event_type": "call.dtmf.received", "do": do})
    make_call(account)
    assert post_webhook(client, account, make_event("call.dtmf.received")).status_code == 200
    processing.process(*processing.due(1))
    made = CallCommand.objects.order_by("sequence")
    assert [command.status for command in made] == ["queued", "queued", "expired"]
    assert name in made[2].error


def test_a_dial_that_telnyx_would_refuse_takes_no_room_from_the_others_of_its_event(
    account: TelnyxAccount, client: Any
) -> None:
    limit(account, dials_per_day=1)
    wrong = {"to": TO, "from": FROM, "timeout_secs": "{{ event.payload.custom }}"}
    do = [{"action": "transfer", "parameters": given} for given in (wrong, {"to": "+13125550002", "from": FROM})]
    make_flow(account, {"event_type": "call.dtmf.received", "do": do})
    make_call(account)
    assert post_webhook(client, account, make_event("call.dtmf.received", custom="soon")).status_code == 200
    processing.process(*processing.due(1))
    first, second = CallCommand.objects.order_by("sequence")
    assert ("Telnyx would refuse it" in first.error, first.status) == (True, "expired")
    assert (second.error, second.status) == ("", "queued")


# --- Many rows at once -----------------------------------------------------------------------------------------------


def test_a_list_tells_of_each_row_what_the_row_alone_tells(account: TelnyxAccount, operator: User) -> None:
    token, _ = ApiToken.make(operator, "crm")
    idle, _ = ApiToken.make(operator, "idle")
    of_tokens = [Limits.objects.create(token=one) for one in (token, idle)]
    other, quiet = make_account("other"), make_account("quiet")
    on_the_wire(dial(account, TO))
    rings(account)
    rings(other, "c", state="answered")
    CallCommand.objects.filter(pk=dial(other, "+13125550004").pk).update(token=token, status="ok", finished_at=ago(900))
    old = dial(other, "+13125550005")
    CallCommand.objects.filter(pk=old.pk).update(counted_at=ago(2 * 86400))
    CallCommand.objects.filter(pk=dial(other, "+13125550006").pk).update(counted_at=ago(300), status="refused")
    busy = make_account("busy")
    for number, at in (("+13125550007", ago(1)), ("+13125550008", ago(300))):
        CallCommand.objects.filter(pk=dial(busy, number).pk).update(counted_at=at, status="refused", finished_at=at)
    rows = [*of_tokens, *(limits.of_account(one) for one in (account, other, quiet, busy))]
    told = limits.usages(rows)
    assert told == {row.pk: limits.usage(row) for row in rows}
    assert told[rows[2].pk].concurrent_calls == 1
    assert told[rows[3].pk].dials_per_day == 2
    assert (told[rows[5].pk].dials_per_minute, told[rows[5].pk].dials_per_day) == (1, 2)


def test_a_list_tells_what_is_on_its_way_and_whose_calls_a_token_made_and_nothing_that_was_not_sent(
    account: TelnyxAccount, operator: User
) -> None:
    token, _ = ApiToken.make(operator, "crm")
    own, other, calm = Limits.objects.create(token=token), make_account("other"), make_account("calm")
    dial(account, TO)
    planned, refused = dial(account, "+13125550003"), dial(calm, TO)
    CallCommand.objects.filter(pk=planned.pk).update(counted_at=ago(-300))
    CallCommand.objects.filter(pk=refused.pk).update(counted_at=ago(300), status="refused")
    rings(other, "incoming", direction="incoming")
    made, unsent = dial(other, TO), dial(other, "+13125550002")
    call = rings(other, "c", state="answered", call_session_id="of the token")
    told = {"token": token, "status": "ok", "finished_at": ago(900), "call": call}
    CallCommand.objects.filter(pk=made.pk).update(**told)
    CallCommand.objects.filter(pk=unsent.pk).update(status="expired")
    rows = [own, *(limits.of_account(one) for one in (account, other, calm))]
    assert limits.usages(rows) == {row.pk: limits.usage(row) for row in rows}
    used = [limits.usage(row) for row in rows]
    assert used == [limits.Usage(*one) for one in ((1, 1, 1), (1, 2, 1), (1, 1, 1), (0, 1, 0))]
