"""Uncertain dials beside others of the same numbers: a call is the first's only if no other can have made it."""

from typing import Any

import pytest
from django.test import Client

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.commands import seen
from tests.support.factories import CONNECTION, FROM, TO, make_call, make_event
from tests.support.reconciliation import dialled, entry, hear, look, sent_ok, uncertain
from tests.support.rows import Call, CallCommand, CallEvent, Limits
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.commands import outbox
from voice.dispatch import reconciliation

pytestmark = pytest.mark.django_db
DIAL = {"connection_id": CONNECTION, "from": FROM, "to": TO}
OTHER = "+13125550177"


def accepted(account: TelnyxAccount, call: Call | None = None, sent: float = 25, **parameters: Any) -> CallCommand:
    command = outbox.dial(account, DIAL | parameters, PORTAL)
    told = {"status": "ok", "first_sent_at": ago(sent), "finished_at": ago(sent), "call": call}
    CallCommand.objects.filter(pk=command.pk).update(**told)
    return seen(command)


def begun(seconds: float = -20, leg: str = "b", **payload: Any) -> dict[str, Any]:
    return make_event(seconds=seconds, leg=leg, direction="outgoing", state="bridging", **payload)


def record(*webhooks: dict[str, Any]) -> dict[str, Any]:
    entries = [entry("webhook", one["data"]["event_type"], event=one["data"]) for one in webhooks]
    return {"data": entries, "meta": {"total_pages": 1}}


@pytest.mark.parametrize("heard", [True, False])
def test_telnyxs_record_of_another_dials_call_settles_nothing(account: TelnyxAccount, heard: bool) -> None:
    lost, event = dialled(account), begun()
    accepted(account, make_call(account, "b", direction="outgoing"))
    if heard:
        hear(account, event)
    with telnyx_says(account, call_events=record(event)):
        assert look(lost).is_open_question, seen(lost).settlement
    assert seen(lost).call is None


def test_a_webhook_that_nobody_has_processed_yet_is_of_the_call_it_names(account: TelnyxAccount) -> None:
    lost = dialled(account)
    accepted(account, make_call(account, "b", direction="outgoing"))
    assert post_webhook(Client(), account, begun()).status_code == 200
    assert look(lost).is_open_question, seen(lost).settlement
    assert seen(lost).call is None


def test_the_one_call_of_two_dials_is_the_seconds_whose_answer_named_it(account: TelnyxAccount) -> None:
    lost = dialled(account)
    rows = [
        CallCommand(
            account=account,
            action="dial",
            parameters=DIAL | {"to": f"+1312556{at:04}"},
            status="ok",
            intent_key=f"other {at}",
            created_at=ago(40),
            expires_at=ago(20),
            first_sent_at=ago(40),
        )
        for at in range(501)
    ]
    CallCommand.objects.bulk_create(rows)  # a batch, on its way at the same time
    accepted(account, make_call(account, "b", direction="outgoing"))
    hear(account, begun())
    assert seen(lost).is_open_question, seen(lost).settlement


def test_of_too_many_dials_to_one_number_nobody_can_tell(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_MOST", 1)
    lost = dialled(account)
    for _ in range(2):
        CallCommand.objects.filter(pk=accepted(account).pk).update(parameters=DIAL | {"from": OTHER})
    hear(account, begun())
    assert seen(lost).is_open_question, seen(lost).settlement


def test_of_as_many_as_can_be_weighed_it_is_told(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "_MOST", 1)
    lost = dialled(account)
    CallCommand.objects.filter(pk=accepted(account).pk).update(parameters=DIAL | {"from": OTHER})
    hear(account, begun())
    assert (seen(lost).status, seen(lost).call_control_id) == ("ok", "v3:b-leg")


def test_a_busy_application_does_not_hide_the_call(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation, "_MOST", 1)
    lost = dialled(account)
    for at in range(2):
        hear(account, make_event(seconds=-22, leg=f"incoming {at}"))
    accepted(account, make_call(account, "c", direction="outgoing"))
    hear(account, begun())
    assert (seen(lost).status, seen(lost).call_control_id) == ("ok", "v3:b-leg")


@pytest.mark.parametrize("other", [{"to": OTHER}, {"connection_id": "77"}])
def test_nor_do_calls_to_other_numbers_or_of_other_applications(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, other: dict[str, str]
) -> None:
    monkeypatch.setattr(reconciliation, "_MOST", 1)
    lost = dialled(account)
    for at in range(2):
        hear(account, begun(-22, f"other-{at}", **other))
    assert seen(lost).is_open_question
    hear(account, begun())
    assert (seen(lost).status, seen(lost).call_control_id) == ("ok", "v3:b-leg")


def test_a_dial_begun_while_the_events_are_read_is_counted(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, read = dialled(account), reconciliation._stored

    def meanwhile(command: CallCommand) -> list[CallEvent]:
        monkeypatch.setattr(reconciliation, "_stored", read)
        CallCommand.objects.filter(pk=accepted(account, sent=21).pk).update(status="sending")
        hear(account, begun())
        return read(command)

    monkeypatch.setattr(reconciliation, "_stored", meanwhile)
    assert look(lost).is_open_question, seen(lost).settlement


def test_of_two_dials_and_two_calls_both_happened_and_nobody_knows_which_is_which(account: TelnyxAccount) -> None:
    both = [dialled(account, sent=30), dialled(account, sent=29)]
    hear(account, begun(-20, "b"))
    hear(account, begun(-19, "c"))
    assert [(look(one).status, seen(one).call) for one in both] == [("ok", None), ("ok", None)]


def test_a_leg_of_a_dial_to_several_numbers_settles_no_other_dial(account: TelnyxAccount) -> None:
    lost = dialled(account, OTHER)
    accepted(account, make_call(account, "b", direction="outgoing"), to=[TO, OTHER])
    hear(account, begun(-20, "c", to=OTHER))
    assert seen(lost).is_open_question, seen(lost).settlement


@pytest.mark.parametrize(("called", "status"), [([TO, OTHER], "uncertain"), (TO, "ok")])
def test_a_dial_to_several_numbers_may_have_brought_a_leg_to_each(
    account: TelnyxAccount, called: Any, status: str
) -> None:
    lost = dialled(account, OTHER)
    accepted(account, make_call(account, "b", direction="outgoing"), to=called)
    with telnyx_says(account, call_events=record(begun(-20, "b", to=TO), begun(-19, "c", to=OTHER))):
        assert look(lost).status == status, seen(lost).settlement


@pytest.mark.parametrize("later", [6 * 60, 3 * 86_400])
def test_a_call_of_later_with_the_same_numbers_is_not_its(account: TelnyxAccount, later: float) -> None:
    """The sweep was down for as long, and others call through the same application."""
    lost, event = dialled(account, sent=later + 30, over=later), begun(-30)
    with telnyx_says(account, call_events=record(event)):
        assert look(lost).is_open_question, seen(lost).settlement
    hear(account, event)
    assert look(lost).is_open_question, seen(lost).settlement


def test_a_call_of_later_does_not_tell_which_of_two_dials_made_the_one_of_then(account: TelnyxAccount) -> None:
    lost = dialled(account, sent=600, over=580)
    accepted(account, sent=590)  # its answer named no call
    hear(account, begun(-585, "b"))
    hear(account, begun(-30, "c"))  # somebody else's
    assert look(lost).is_open_question, seen(lost).settlement


def test_a_webhook_recovered_late_tells_when_it_happened(account: TelnyxAccount) -> None:
    lost = dialled(account, sent=7200, over=7000)
    hear(account, begun(-7199))
    assert (seen(lost).status, seen(lost).call_control_id) == ("ok", "v3:b-leg")


def test_a_webhook_that_the_record_has_once_per_attempt_is_one_event(account: TelnyxAccount) -> None:
    Limits.objects.create(account=account)
    lost, event = dialled(account), begun()
    accepted(account)  # its answer named no call
    with telnyx_says(account, call_events=record(event, event)):
        assert look(lost).is_open_question, seen(lost).settlement


def test_an_event_that_was_here_before_the_dial_is_not_its_answer_in_the_record_either(account: TelnyxAccount) -> None:
    event = begun(-33)  # by Telnyx's clock, which may be behind by as much
    hear(account, event)
    CallEvent.objects.update(received_at=ago(32))
    lost = dialled(account, sent=30)
    with telnyx_says(account, call_events=record(event)):
        assert look(lost).is_open_question, seen(lost).settlement


def test_an_event_of_the_record_is_the_one_that_is_stored_however_its_id_is_written(account: TelnyxAccount) -> None:
    event = begun(-33)
    hear(account, event)
    CallEvent.objects.update(received_at=ago(32))
    lost = dialled(account, sent=30)
    event["data"]["id"] = event["data"]["id"].upper()
    with telnyx_says(account, call_events=record(event)):
        assert look(lost).is_open_question, seen(lost).settlement


def test_an_event_of_the_record_is_not_the_one_that_another_account_has(account: TelnyxAccount) -> None:
    event = begun()
    hear(make_account("elsewhere"), event)
    CallEvent.objects.update(received_at=ago(32))
    lost = dialled(account, sent=30)
    with telnyx_says(account, call_events=record(event)):
        assert look(lost).status == "ok"


def test_numbers_are_kept_in_one_form_however_they_were_written(account: TelnyxAccount) -> None:
    """So that a rival is found, whoever wrote it."""
    asked = {"to": ["+1 (312) 555-0001", "sip:ada@pbx.example"], "from": "+1-312-555-0100", "connection_id": "1"}
    command = outbox.dial(account, asked, PORTAL)
    assert command.parameters["to"] == ["+13125550001", "sip:ada@pbx.example"]
    assert command.parameters["from"] == "+13125550100"


def test_of_two_that_were_kept_as_they_were_written_neither_is_known_to_have_made_the_call(
    account: TelnyxAccount,
) -> None:
    """By a version of before, which kept them so."""
    both = [dialled(account, sent=30), dialled(account, sent=29)]
    kept = DIAL | {"to": "+1 (312) 555-0199"}
    CallCommand.objects.filter(pk__in=[one.pk for one in both]).update(parameters=kept)
    hear(account, begun())
    assert all(seen(one).is_open_question for one in both)


def test_one_that_was_kept_as_it_was_written_has_a_rival_in_the_one_form(account: TelnyxAccount) -> None:
    written = dialled(account, sent=30)
    dialled(account, sent=29)
    CallCommand.objects.filter(pk=written.pk).update(parameters=DIAL | {"to": "+1 (312) 555-0199"})
    hear(account, begun())
    assert seen(written).is_open_question, seen(written).settlement


@pytest.mark.parametrize(("before", "is_proof"), [(590, False), (620, True)])
def test_a_dial_of_long_before_has_brought_its_call_long_ago(
    account: TelnyxAccount, before: float, is_proof: bool
) -> None:
    accepted(account, sent=30 + before)  # its answer named no call
    lost = dialled(account, sent=30)
    hear(account, begun())
    assert (seen(lost).status == "ok") is is_proof, seen(lost).settlement


@pytest.mark.parametrize(("session", "is_proof"), [({}, False), ({"call_session_id": "another"}, True)])
def test_a_transfer_to_the_same_number_may_have_brought_the_leg_of_its_own_session(
    account: TelnyxAccount, session: dict[str, str], is_proof: bool
) -> None:
    sent_ok(make_call(account, **session), "transfer", {"to": TO}, 29)
    lost = dialled(account, sent=30)
    hear(account, begun())
    assert (seen(lost).status == "ok") is is_proof, seen(lost).settlement


def test_a_dial_of_another_account_has_brought_no_call_of_this_one(account: TelnyxAccount) -> None:
    dialled(make_account("elsewhere"))
    lost = dialled(account)
    hear(account, begun())
    assert (seen(lost).status, seen(lost).call_control_id) == ("ok", "v3:b-leg")


def test_a_call_of_another_account_with_the_same_numbers_is_not_its(account: TelnyxAccount) -> None:
    lost = dialled(account)
    hear(make_account("elsewhere"), begun())
    assert look(lost).is_open_question, seen(lost).settlement


@pytest.mark.parametrize(
    ("link_to", "hours", "is_proof"), [("v3:a-leg", 0, False), ("v3:a-leg", 2, True), ("v3:other-leg", 0, True)]
)
def test_a_dial_that_is_linked_to_a_leg_may_be_what_bridged_it(
    account: TelnyxAccount, link_to: str, hours: float, is_proof: bool
) -> None:
    """When it is answered, which it is soon or never."""
    leg = make_call(account)
    made = make_call(account, "made", direction="outgoing", call_session_id="another")
    linked = accepted(account, made, to=OTHER, link_to=link_to)
    CallCommand.objects.filter(pk=linked.pk).update(created_at=ago(hours * 3600))
    lost = uncertain(leg, "bridge", {"call_control_id": "v3:z-leg"}, sent=30)
    hear(account, make_event("call.bridged", -20))
    assert (seen(lost).status == "ok") is is_proof, seen(lost).settlement


@pytest.mark.parametrize(
    ("asked", "is_proof"),
    [({"call_control_id": "v3:a-leg"}, False), ({"queue": "support"}, False), ({"call_control_id": "v3:c-leg"}, True)],
)
def test_a_bridge_of_another_leg_may_be_what_bridged_this_one(
    account: TelnyxAccount, asked: dict[str, str], is_proof: bool
) -> None:
    """It names this leg, or takes whoever stands in a queue."""
    leg, other = make_call(account), make_call(account, "b", call_session_id="another")
    rival = sent_ok(other, "bridge", {"call_control_id": "v3:y-leg"}, 25)
    CallCommand.objects.filter(pk=rival.pk).update(parameters=asked)
    lost = uncertain(leg, "bridge", {"call_control_id": "v3:z-leg"}, sent=30)
    hear(account, make_event("call.bridged", -20))
    assert (seen(lost).status == "ok") is is_proof, seen(lost).settlement
