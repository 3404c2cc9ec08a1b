"""Old calls are filled from their events, and nothing else of them changes."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import make_event, run_owed
from tests.support.rows import Call
from tests.support.texml import form
from tests.support.webhooks import post_texml, post_webhook
from tests.voice.calls.test_measures import TOLD
from tests.voice.recordings.test_projection import SAVED
from voice.explanations import judging
from voice.measurements import filling
from voice.models import Recording, StaleQuarter

pytestmark = pytest.mark.django_db
_LATER = (
    *("mos", "jitter", "packets_in", "skipped_in", "packets_out", "skipped_out", "cost_amount", "billed_seconds"),
    *("cost_parts", "attestation_valid", "late_seconds"),
)


def old_call(client: Client, account: TelnyxAccount) -> dict[str, object]:
    """A call as the version before stored it; what it is with the columns that came later."""
    for event in [*TOLD, make_event("call.recording.saved", 0, **SAVED)]:
        assert post_webhook(client, account, event).status_code == 200
    run_owed()
    call = Call.objects.get()
    whole = {name: value for name, value in vars(call).items() if name not in {"_state", "judge_at"}}
    facts = {name: key for name, key in call.facts.items() if name not in {"mos", "attestation", "late_seconds"}}
    Call.objects.filter(pk=call.pk).update(facts=facts, attestation="", currency="", **dict.fromkeys(_LATER))
    Recording.objects.all().delete()
    return whole


def test_an_old_call_becomes_what_a_new_one_is(client: Client, account: TelnyxAccount) -> None:
    whole = old_call(client, account)
    assert Call.objects.get().mos is None
    pieces = list(filling.fill())
    assert sum(piece.changed for piece in pieces) == 1
    filled = vars(Call.objects.get())
    assert {name: filled[name] for name in whole} == whole
    assert Recording.objects.get().recording_id == SAVED["recording_id"]
    assert sum(piece.changed for piece in filling.fill()) == 0  # twice changes nothing


def test_the_reports_count_what_was_filled(client: Client, account: TelnyxAccount) -> None:
    old_call(client, account)
    judging.judge_due()
    StaleQuarter.objects.all().delete()  # its quarter is counted, without what is filled now
    list(filling.fill())
    assert judging.judge_due() == 1
    assert list(StaleQuarter.objects.values_list("quarter", flat=True)) == [Call.objects.get().counted_in]
    list(filling.fill())
    assert not judging.is_due()


def test_a_price_without_a_time_is_filled_as_it_was_told(client: Client, account: TelnyxAccount) -> None:
    """Of TeXML's callbacks: a second one must find the same facts as if nothing had been filled."""
    price = form(**{"CallSid": "v3:texml", "CallbackSource": "call-cost-events", "CallCost[v3:texml]": "0.0055"})
    assert post_texml(client, account, price).status_code == 200
    run_owed()
    facts = Call.objects.get().facts
    Call.objects.filter(account=account).update(cost_amount=None)
    list(filling.fill())
    call = Call.objects.get()
    assert (call.cost_amount, call.facts) == (Decimal("0.0055"), facts)


def test_what_was_taken_for_lost_stays_lost(client: Client, account: TelnyxAccount) -> None:
    old_call(client, account)
    Call.objects.filter(account=account).update(state="lost")
    list(filling.fill())
    assert (Call.objects.get().state, Call.objects.get().mos) == ("lost", 4.43)


def test_the_command_takes_a_window_and_refuses_what_is_none(
    client: Client, account: TelnyxAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    old_call(client, account)
    call_command("fill_calls", since="30d")
    assert "1 filled" in capsys.readouterr().out
    with pytest.raises(CommandError, match="as 30d"):
        call_command("fill_calls", since="soon")
