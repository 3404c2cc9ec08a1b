"""The dry run of a replay: it writes nothing, and what it tells is what the run does."""

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.events import receive
from tests.support.factories import make_event, run_owed
from tests.support.replays import ROOM, a_call, die, lines, quarantine, rehearse, run
from tests.support.rows import Call, Conference
from tests.support.tables import every_table
from tests.support.webhooks import post_webhook

pytestmark = pytest.mark.django_db


def test_a_dry_run_writes_nothing(account: TelnyxAccount) -> None:
    a_call(account)
    die(account, make_event(leg="c"))
    quarantine(account, make_event(leg="d"))
    assert post_webhook(Client(), account, b"{").status_code == 200
    receive(account, make_event("conference.participant.joined", -9, conference_id=ROOM))
    run_owed()
    Call.objects.update(state="ringing")
    Conference.objects.update(state="completed")
    before = every_table()
    row = rehearse()
    assert row.state == "ready"
    assert row.counts["changed"] >= 4
    assert every_table() == before


def test_a_call_that_is_gone_is_found_again_by_its_leg_alone(account: TelnyxAccount) -> None:
    hung_up = make_event("call.hangup", -1)
    del hung_up["data"]["payload"]["call_control_id"]
    receive(account, make_event(leg="b", seconds=-21), make_event(seconds=-20), hung_up)
    run_owed()
    Call.objects.all().delete()
    row = rehearse()
    foreseen = lines(row, is_rehearsed=True)
    assert {key: changes["state"][1] for (_, key), (_, changes, _) in foreseen.items()} == {
        "v3:a-leg": "ended",
        "v3:b-leg": "parked",
    }
    run(row)
    assert lines(row, is_rehearsed=False) == foreseen
