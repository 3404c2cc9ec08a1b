"""``manage.py replay_events``: counts, tells, asks, runs."""

import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from applications.models import CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from tests.support.accounts import make_account
from tests.support.events import receive
from tests.support.factories import CONNECTION, FROM, make_event, make_flow, run_owed
from tests.support.replays import quarantine
from tests.support.rows import Call, CallCommand, CallEvent, Replay
from tests.support.tables import every_table
from tests.support.webhooks import post_webhook
from voice.replay import runs

pytestmark = pytest.mark.django_db


@pytest.fixture
def wrong_call(account: TelnyxAccount) -> Call:
    for document in (make_event(), make_event("call.hangup", 1)):
        assert post_webhook(Client(), account, document).status_code == 200
    run_owed()
    Call.objects.update(state="ringing", from_number="")
    return Call.objects.get()


def command(*options: str) -> str:
    out = StringIO()
    call_command("replay_events", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Somebody sits there and answers."""

    def answering(answer: str) -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda prompt: answer)

    return answering


def test_a_dry_run_tells_what_would_change_and_writes_nothing_at_all(wrong_call: Call) -> None:
    before = every_table()
    told = command("--dry-run", "--account", "main")
    assert told.startswith("2 events: account main\n")
    assert "call +1312•••0101 → +1312•••0199 incoming" in told
    assert "  State: ringing → ended" in told
    assert "Change something: 1\nChange nothing: 1" in told
    assert FROM not in told
    assert every_table() == before
    assert not Replay.objects.exists()


def test_a_dry_run_knows_what_the_events_before_would_have_made(account: TelnyxAccount) -> None:
    """A call that is found by its leg alone, and an id that a second event cannot have as well."""
    of_leg, told_twice = make_event("call.hangup", 9), make_event("call.answered", 5, "b")
    del of_leg["data"]["payload"]["call_control_id"]
    receive(account, make_event(leg="b"), make_event(), of_leg)
    run_owed()
    Call.objects.all().delete()
    for _ in range(2):
        quarantine(account, told_twice)
    quarantine(account, make_event("call.bridged", 6, "b"))
    foreseen = command("--dry-run", "--account", "main")
    assert "Stay quarantined: 1" in foreseen
    assert foreseen == command("--account", "main")
    assert set(Call.objects.values_list("call_control_id", "state")) == {
        ("v3:a-leg", "ended"),
        ("v3:b-leg", "bridged"),
    }


def test_a_dry_run_keeps_accounts_apart(account: TelnyxAccount) -> None:
    """Of two that have the same ids, each has its own event, and its own call."""
    other, document, hung_up = make_account("other"), make_event(), make_event("call.hangup", 9)
    for of in (account, other):
        quarantine(of, document)
    assert "Quarantined, can now be read: 2" in command("--dry-run", "--status", "quarantined")
    CallEvent.objects.all().delete()
    del hung_up["data"]["payload"]["call_control_id"]
    (begun,), (ended,) = receive(account, make_event()), receive(other, hung_up)
    run_owed()
    Call.objects.all().delete()
    told = command("--dry-run", "--id", str(begun.pk), "--id", str(ended.pk))
    assert "Change something: 1\nChange nothing: 1" in told


def test_what_stays_quarantined_is_told_with_the_reason(account: TelnyxAccount) -> None:
    document = make_event()
    for _ in range(2):
        quarantine(account, document)
    for options in (("--dry-run",), ()):
        assert command("--account", "main", *options).count("  The same event is stored already.\n") == 1


def test_an_event_of_a_leg_that_nobody_knows_is_of_no_call_that_changes(account: TelnyxAccount) -> None:
    of_leg = make_event("call.hangup", 9, "b")
    del of_leg["data"]["payload"]["call_control_id"]
    receive(account, make_event(), of_leg)
    run_owed()
    Call.objects.update(state="ringing")
    told = command("--dry-run", "--account", "main")
    assert "  State: ringing → parked" in told
    assert "Change something: 1\nChange nothing: 1" in told


@pytest.mark.alone("it runs every event again that there is")
def test_it_runs_where_nobody_can_be_asked(wrong_call: Call) -> None:
    told = command("--status", "processed", "--type", "call.*")
    assert "  State: ringing → ended" in told
    assert Call.objects.get().state == "ended"
    assert AuditEvent.objects.get(action="replay.end").actor == "command line"
    assert "Nothing changes.\nChange nothing: 2" in command()


def test_it_asks_on_a_terminal_after_telling(wrong_call: Call, terminal: Any) -> None:
    terminal("n")
    with pytest.raises(CommandError, match=r"Nothing was run\."):
        command()
    assert not Replay.objects.exists()
    terminal("y")
    command()
    assert Call.objects.get().state == "ended"


def test_yes_is_not_asked(wrong_call: Call, terminal: Any) -> None:
    terminal("n")
    command("--yes")
    assert Call.objects.get().state == "ended"


@pytest.mark.alone("it runs every event again that there is")
def test_side_effects_need_a_yes(account: TelnyxAccount) -> None:
    assert post_webhook(Client(), account, make_event()).status_code == 200
    run_owed()
    make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    with pytest.raises(CommandError, match="--yes"):
        command("--with-side-effects")
    command()
    assert not CallCommand.objects.exists()
    assert "Commands made: 1" in command("--with-side-effects", "--yes")
    assert CallCommand.objects.get().action == "answer"


def test_nothing_found_is_no_error(account: TelnyxAccount) -> None:
    assert command("--status", "dead") == "0 events: status dead\n"


@pytest.mark.alone("it runs every event again that there is")
def test_single_events_are_chosen_by_either_id(wrong_call: Call) -> None:
    event = CallEvent.objects.get(event_type="call.hangup")
    assert command("--id", str(event.pk), "--dry-run").startswith("1 event: ")
    assert command("--id", str(event.event_id), "--id", str(event.pk), "--dry-run").startswith("1 event: ")
    assert command("--call", "v3:a-leg", "--since", "1h", "--until", "0m", "--dry-run").startswith("2 events: ")
    assert command("--session", event.call_session_id, "--occurred-since", "2020-01-01", "--dry-run").startswith("2 ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "soon"), "--since: Enter a time as"),
        (("--occurred-until", "2026-13-01"), "--occurred-until: Enter a time as"),
        (("--id", "x"), "--id: An event id looks like"),
        (("--status", "lost"), "--status: Select a valid choice"),
        (("--account", "nobody"), "--account: Select a valid choice"),
        (("--type", "Call answered!"), "--type: An event type looks like"),
        (("--call", "a b"), "--call: That is not a call control id"),
    ],
)
def test_what_is_wrong_is_told_by_option(account: Any, options: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        command(*options)


@pytest.mark.alone("it runs every event again that there is")
def test_a_failure_is_told_by_the_exit(wrong_call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any, **how: Any) -> Any:
        raise RuntimeError("defect")

    monkeypatch.setattr("voice.replay.apply.changes", fail)
    with pytest.raises(CommandError, match="It is done: 2 of 2 were run again"):
        command()
    assert Call.objects.get().state == "ringing"


def test_ctrl_c_cancels(wrong_call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "work", interrupt)
    with pytest.raises(CommandError, match="It is cancelled: 0 of 0"):
        command()
    assert Replay.objects.get().state == "cancelled"


def test_of_two_copies_that_are_another_accounts_each_says_so(account: TelnyxAccount) -> None:
    document = make_event()
    for _ in range(2):
        quarantine(account, document)
    CallControlApplication.objects.create(account=make_account("other"), telnyx_id=CONNECTION)
    told = command("--dry-run", "--account", "main")
    assert told.count("Its application belongs to the account other.") == 2
