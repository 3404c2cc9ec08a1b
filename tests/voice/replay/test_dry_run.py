"""The dry run of a replay: it writes nothing, and what it tells is what the run does."""

import pytest
from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import receive
from tests.support.factories import make_event, run_owed
from tests.support.replays import ROOM, a_call, die, lines, quarantine, rehearse, run
from tests.support.rows import Call, Conference, ConferenceParticipant
from tests.support.tables import every_table
from tests.support.webhooks import post_webhook
from voice.replay.selection import Selection

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


def test_of_several_rooms_and_accounts_each_event_is_told_of_its_own(
    account: TelnyxAccount, neighbour: TelnyxAccount
) -> None:
    """The newest room is the neighbour's, and has the same id."""
    receive(account, make_event(seconds=-60), make_event(leg="b", seconds=-60))
    for leg, room, at in (("a", ROOM, -50), ("b", ROOM, -45), ("a", "another-room", -10)):
        receive(account, make_event("conference.participant.joined", at, leg, conference_id=room))
    run_owed()
    Conference._default_manager.filter(account=neighbour).update(started_at=timezone.now())
    Conference.objects.update(connection_id="")
    ConferenceParticipant.objects.update(joined_at=None)
    row = rehearse()
    foreseen = lines(row, is_rehearsed=True)
    assert set(foreseen) == {
        *(("conference", room) for room in (ROOM, "another-room")),
        *(("participant", f"{ROOM}:v3:{leg}-leg") for leg in "ab"),
        ("participant", "another-room:v3:a-leg"),
    }
    run(row)
    assert lines(row, is_rehearsed=False) == foreseen


@pytest.mark.parametrize("is_gone", [False, True])
def test_of_two_comings_into_a_room_the_later_one_counts_though_it_was_received_first(
    account: TelnyxAccount, is_gone: bool
) -> None:
    receive(account, make_event(seconds=-60))
    for at in (-20, -40):
        receive(account, make_event("conference.participant.joined", at, conference_id=ROOM))
    run_owed()
    came = ConferenceParticipant.objects.get().joined_at
    if is_gone:
        ConferenceParticipant.objects.all().delete()
    else:
        ConferenceParticipant.objects.update(joined_at=None)
    row = rehearse()
    foreseen = lines(row, is_rehearsed=True)
    told = (is_gone, {"joined_at": [None, came.isoformat()]}, "")
    assert foreseen == {("participant", f"{ROOM}:v3:a-leg"): told}
    run(row)
    assert lines(row, is_rehearsed=False) == foreseen
    assert ConferenceParticipant.objects.get().joined_at == came


def test_the_same_id_in_another_account_is_no_repeat(account: TelnyxAccount) -> None:
    document = make_event()
    for of in (account, make_account("other")):
        quarantine(of, document)
    row = rehearse(Selection(statuses=("quarantined",)))
    assert row.counts == {"changed": 2, "readable": 2}
    assert run(row).counts == {"changed": 2, "readable": 2}


def test_a_leg_that_is_known_in_another_account_makes_no_call_here(account: TelnyxAccount) -> None:
    hung_up = make_event("call.hangup", -1)
    del hung_up["data"]["payload"]["call_control_id"]
    (begun,) = receive(account, make_event(seconds=-20))
    (ended,) = receive(make_account("other"), hung_up)
    run_owed()
    Call.objects.all().delete()
    row = rehearse(Selection(ids=(str(begun.pk), str(ended.pk))))
    assert row.counts == {"changed": 1, "unchanged": 1}
    assert run(row).counts == {"changed": 1, "unchanged": 1}
