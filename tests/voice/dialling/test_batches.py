"""Many numbers from one application: looked at first, dialled once each, at a rate, stopped when somebody says so."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from tests.support.batches import URL, begin, body
from tests.support.clocks import is_near, set_wrong
from tests.support.factories import run_owed
from tests.support.limits import dial, limit
from tests.support.rows import CallCommand, DialBatch, Limits
from tests.support.sandbox_ledger import wire
from voice.dialling import batches, limits
from voice.dialling.batches import Line, Plan, read_lines
from voice.dispatch import sender
from voice.models import Suspension

pytestmark = pytest.mark.django_db


def time_passes(batch: DialBatch, seconds: float) -> None:
    for command in batch.commands.filter(lease_until__isnull=False):
        for name in ("lease_until", "counted_at", "expires_at"):
            setattr(command, name, getattr(command, name) - timedelta(seconds=seconds))
        command.save()


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("+13125550001\n\n +13125550002 \n", [(1, "+13125550001", ""), (3, "+13125550002", "")]),
        ("Number,State\n+13125550001,ada", [(2, "+13125550001", "YWRh")]),
        ('"+13125550001";ada', [(1, "+13125550001", "YWRh")]),
        ("'+13125550001,ada\n\"'+13125550002\"", [(1, "+13125550001", "YWRh"), (2, "+13125550002", "")]),
        ("sip:ada@example.com;transport=tls,x", [(1, "sip:ada@example.com;transport=tls", "eA==")]),
        ("nonsense\nnumber", [(1, "nonsense", ""), (2, "number", "")]),
        ('+13125550001\tada, "2"\n+13125550002,', [(1, "+13125550001", "YWRhLCAiMiI="), (2, "+13125550002", "")]),
        ('+13125550001,"ada, ""2"""\n+13125550002," "', [(1, "+13125550001", "YWRhLCAiMiI="), (2, "+13125550002", "")]),
        ("\nPhone_Number\n+13125550001", [(3, "+13125550001", "")]),
        (' "+13125550001" , ada \n" +13125550002 "', [(1, "+13125550001", "YWRh"), (2, "+13125550002", "")]),
        ("SIP:ada@example.com;transport=tls", [(1, "SIP:ada@example.com;transport=tls", "")]),
        *((f"{heading},state\n+13125550001", [(2, "+13125550001", "")]) for heading in ("numbers", "To", "phone")),
        ("", []),
    ],
)
def test_lines_are_read_as_people_write_them(text: str, lines: list[tuple[int, str, str]]) -> None:
    assert read_lines(text) == [Line(*line) for line in lines]


def test_a_line_is_a_command_with_a_time_to_come(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 3, parameters={"timeout_secs": 20})
    rows = list(batch.commands.order_by("sequence"))
    assert [row.intent_key for row in rows] == [f"batch:{batch.pk}:{at}" for at in (1, 2, 3)]
    assert rows[2].parameters == {
        "connection_id": "1",
        "from": "+13125550100",
        "timeout_secs": 20,
        "to": "+13125550003",
    }
    assert [(row.lease_until - batch.created_at).total_seconds() for row in rows] == [0, 0.5, 1]
    assert all(row.expires_at - row.lease_until == timedelta(seconds=20) for row in rows)
    assert AuditEvent.objects.get(action="batch.create").details == {"lines": 3, "per_second": 2}


def test_a_line_has_a_client_state_of_its_own_or_that_of_all(api: Any, account: TelnyxAccount) -> None:
    numbers = [{"to": "+13125550001", "client_state": "YWRh"}, "+13125550002"]
    batch = begin(api, numbers=numbers, parameters={"client_state": "Ym9i"})
    assert [row.parameters["client_state"] for row in batch.commands.order_by("sequence")] == ["YWRh", "Ym9i"]


@pytest.mark.parametrize(("more", "name"), [({"name": "spring"}, "spring"), ({}, "3 numbers")])
def test_a_batch_has_its_name_or_says_how_many_it_dials_and_its_lines_say_whose_they_are(
    api: Any, operator: User, account: TelnyxAccount, more: dict[str, str], name: str
) -> None:
    batch = begin(api, 3, **more)
    assert api.get(f"{URL}{batch.pk}/").json()["name"] == name
    line = batch.commands.get(sequence=3)
    assert (line.requested_by, line.user) == (f"token: tests, batch {name} line 3", operator)
    assert (line.token, line.token is None) == (batch.token, False)


def test_a_line_says_whose_it_is_as_far_as_its_column_holds_it(account: TelnyxAccount, operator: User) -> None:
    """Else a database that holds columns to their length would refuse the whole batch."""
    ada = Actor(f"user: {'a' * 290}", operator)
    shared = {"connection_id": "1", "from": "+13125550100"}
    batch = batches.make(account, shared, [Line(1, "+13125550001")], 1, ada)
    assert batch.commands.get().requested_by == f"{ada.label}, ba"


def test_each_number_is_dialled_once_when_it_is_due(
    api: Any, sandbox_account: TelnyxAccount, connection_id: str, sandbox: Any
) -> None:
    batch = begin(api, 3, connection_id=connection_id, per_second=0.1)
    run_owed()
    assert len(wire(sandbox)) == 1
    time_passes(batch, 10)
    for _ in range(2):
        run_owed()
    assert len(wire(sandbox)) == 2
    time_passes(batch, 10)
    run_owed()
    assert len(wire(sandbox)) == 3
    told = api.get(f"{URL}{batch.pk}/").json()
    assert (told["status"], told["progress"]["counts"]["ok"], told["progress"]["percent"]) == ("done", 3, 100)
    dialled = sorted(CallCommand.objects.values_list("call__to_number", flat=True))
    assert dialled == ["+13125550001", "+13125550002", "+13125550003"]


def test_a_batch_tells_what_it_is_and_how_far(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 4)
    for status, line in zip(("sending", "refused"), batch.commands.order_by("sequence"), strict=False):
        CallCommand.objects.filter(pk=line.pk).update(status=status)
    told = api.get(f"{URL}{batch.pk}/").json()
    assert set(told) == {
        *("id", "name", "account", "connection_id", "parameters", "per_second", "lines", "status", "progress"),
        *("requested_by", "created_at"),
    }
    assert (told["connection_id"], told["account"], told["lines"]) == ("1", account.name, 4)
    assert (told["progress"]["finished"], told["progress"]["percent"]) == (1, 25)


def test_a_batch_is_a_hundred_percent_done_when_nothing_is_left(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 250)
    batch.commands.exclude(sequence=250).update(status="ok")
    assert api.get(f"{URL}{batch.pk}/").json()["progress"]["percent"] == 99
    batch.commands.update(status="ok")
    assert api.get(f"{URL}{batch.pk}/").json()["progress"]["percent"] == 100


def test_a_line_that_waited_too_long_is_not_dialled(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 1)
    time_passes(batch, 21)
    run_owed()
    assert "Too late" in batch.commands.get().error


@pytest.mark.parametrize(("name", "value"), [("dials_per_minute", 60), ("dials_per_day", 2)])
def test_a_batch_beyond_a_limit_is_refused_whole(api: Any, account: TelnyxAccount, name: str, value: int) -> None:
    row = limits.of_account(account)
    setattr(row, name, value)
    row.save()
    answer = api.post(URL, body(), format="json")
    assert (answer.status_code, answer.json()["limit"], answer.json()["value"]) == (403, name, value)
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize(("per_minute", "status"), [(60, 201), (59, 403)])
def test_a_batch_may_go_as_fast_as_its_account(api: Any, account: TelnyxAccount, per_minute: int, status: int) -> None:
    limit(account, dials_per_minute=per_minute)
    assert api.post(URL, body(per_second=1), format="json").status_code == status


def test_lines_to_come_count_for_the_day_and_not_for_the_minute(api: Any, account: TelnyxAccount) -> None:
    begin(api, 10, per_second=0.01)
    used = limits.usage(limits.of_account(account))
    assert (used.dials_per_minute, used.dials_per_day) == (1, 10)


def due_beyond(batch: DialBatch, account: TelnyxAccount, **held: Any) -> CallCommand:
    """Its last line, due now, after the account's limits were narrowed to these."""
    limits.of_account(account)
    Limits.objects.filter(account=account).update(**held)
    time_passes(batch, batch.lines / batch.per_second)
    return batch.commands.order_by("-sequence")[0]


@pytest.mark.parametrize("name", ["dials_per_minute", "concurrent_calls"])
def test_a_line_that_meets_a_full_limit_waits_for_room_and_so_do_those_behind_it(
    api: Any, account: TelnyxAccount, name: str
) -> None:
    batch = begin(api, 3)
    last = due_beyond(batch, account, **{name: 2})
    before = list(batch.commands.order_by("sequence").values_list("lease_until", flat=True))
    sender.send(last.pk)
    after = list(batch.commands.order_by("sequence").values_list("lease_until", flat=True))
    assert [(new - old).total_seconds() for old, new in zip(before, after, strict=True)] == [5, 5, 5]
    last.refresh_from_db()
    assert (last.status, last.error.startswith("Waits for room. The limit")) == ("queued", True)
    assert last.pk not in sender.due(99)
    Limits.objects.update(**{name: 100})
    assert wait_and_try(last).attempts


def test_what_waits_for_room_is_no_later_for_that_and_nothing_of_another_batch_waits_with_it(
    api: Any, account: TelnyxAccount
) -> None:
    """Else a line that waits longer than a dial makes sense would be too late for the room it gets."""
    batch, other = begin(api, 3), begin(api, 2)
    batch.commands.filter(sequence=1).update(status="ok")
    last = due_beyond(batch, account, concurrent_calls=1)

    def times(of: DialBatch) -> list[Any]:
        rows = of.commands.order_by("sequence")
        return [at for row in rows for at in (row.lease_until, row.counted_at, row.expires_at)]

    before, of_other = times(batch), times(other)
    sender.send(last.pk)
    moved = [(new - old).total_seconds() for old, new in zip(before, times(batch), strict=True)]
    assert (moved, times(other)) == ([0] * 3 + [5] * 6, of_other)
    assert set(CallCommand.objects.exclude(pk=last.pk).values_list("error", flat=True)) == {""}


def test_a_line_that_a_suspension_holds_waits_with_those_behind_it_and_says_what_holds_it(
    api: Any, account: TelnyxAccount
) -> None:
    """Whoever suspends has not come to its batch yet."""
    batch = begin(api, 2)
    Suspension.objects.create(account=account, since=batch.created_at, requested_by="user: ada")
    due = [row.lease_until for row in batch.commands.order_by("sequence")]
    sender.send(batch.commands.get(sequence=1).pk)
    first, second = batch.commands.order_by("sequence")
    later = [(row.lease_until - at).total_seconds() for row, at in zip((first, second), due, strict=True)]
    assert (first.status, later, second.error) == ("queued", [5, 5], "")
    assert first.error.startswith(f"The account {account} is suspended here since")


def wait_and_try(line: CallCommand) -> CallCommand:
    CallCommand.objects.filter(pk=line.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    sender.send(line.pk)
    line.refresh_from_db()
    return line


@pytest.mark.parametrize(("name", "value"), [("dials_per_day", 2), ("blocked_prefixes", ["+1"])])
def test_a_line_does_not_wait_for_a_limit_that_makes_no_room(
    api: Any, account: TelnyxAccount, name: str, value: Any
) -> None:
    last = due_beyond(begin(api, 3), account, **{name: value})
    sender.send(last.pk)
    last.refresh_from_db()
    assert (last.status, name in last.error) == ("expired", True)


def test_nobody_is_called_long_after_the_batch_was_to_be_through(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 3)
    DialBatch.objects.update(began_at=timezone.now() - timedelta(hours=1))
    last = due_beyond(batch, account, dials_per_minute=2)
    sender.send(last.pk)
    last.refresh_from_db()
    assert (last.status, "dials_per_minute" in last.error) == ("expired", True)


def test_a_line_waits_for_room_while_its_batch_was_meant_to_run_and_an_hour_more(
    api: Any, account: TelnyxAccount
) -> None:
    batch = begin(api, 2, per_second=0.01)  # it takes 200 s
    DialBatch.objects.update(began_at=timezone.now() - timedelta(hours=1, seconds=100))
    limit(account, concurrent_calls=0)
    line = batch.commands.get(sequence=1)
    sender.send(line.pk)
    line.refresh_from_db()
    assert (line.status, line.error.startswith("Waits for room.")) == ("queued", True)


def test_a_line_that_is_too_late_waits_for_no_room(api: Any, account: TelnyxAccount) -> None:
    last = due_beyond(begin(api, 3), account, dials_per_minute=2)
    CallCommand.objects.filter(pk=last.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    sender.send(last.pk)
    last.refresh_from_db()
    assert (last.status, last.error.startswith("Too late")) == ("expired", True)


def test_the_same_wish_is_the_same_batch(account: TelnyxAccount) -> None:
    shared = {"connection_id": "1", "from": "+13125550100"}
    made = [batches.make(account, shared, [Line(1, "+13125550001")], 1, PORTAL, intent="same") for _ in range(2)]
    assert made[0] == made[1]
    assert CallCommand.objects.count() == 1


@pytest.mark.parametrize("held", [{}, {"dials_per_day": 1}], ids=["with room left", "with a full limit"])
@pytest.mark.parametrize("at", ["before it is planned", "after it"])
def test_the_same_wish_at_the_same_moment_is_the_same_batch(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, held: dict[str, int], at: str
) -> None:
    limit(account, **held)
    shared = {"connection_id": "1", "from": "+13125550100"}
    really, others = batches.plan, list[DialBatch]()

    def make() -> DialBatch:
        return batches.make(account, shared, [Line(1, "+13125550001")], 1, PORTAL, intent="same")

    def plan(*wanted: Any) -> Plan:
        monkeypatch.setattr(batches, "plan", really)
        planned = really(*wanted) if at == "after it" else None
        others.append(make())
        return planned or really(*wanted)

    monkeypatch.setattr(batches, "plan", plan)
    assert [make()] == others == list(DialBatch.objects.all())
    assert CallCommand.objects.count() == 1


def test_a_paused_batch_waits_and_goes_on_at_its_rate(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 3)
    assert api.post(f"{URL}{batch.pk}/pause/").json()["status"] == "paused"
    assert sender.due(99) == []
    time_passes(batch, 3600)
    assert sender.due(99) == []
    batch.commands.update(expires_at=timezone.now() - timedelta(hours=1))
    assert api.post(f"{URL}{batch.pk}/resume/").json()["status"] == "running"
    first, *_, last = batch.commands.order_by("sequence")
    assert (last.lease_until - first.lease_until).total_seconds() == pytest.approx(1, abs=0.1)
    assert first.expires_at > timezone.now()
    noted = AuditEvent.objects.filter(action__startswith="batch.").order_by("id")
    assert list(noted.values_list("action", flat=True)) == [
        "batch.create",
        "batch.pause",
        "batch.resume",
    ]


def test_a_batch_that_goes_on_begins_then_and_its_lines_count_from_then(api: Any, account: TelnyxAccount) -> None:
    """Else nothing of it would count against the dials of a minute, and a full limit would end it."""
    batch = batches.pause(begin(api, 8), PORTAL)
    batch.commands.update(counted_at=timezone.now() - timedelta(hours=2))
    DialBatch.objects.update(began_at=timezone.now() - timedelta(hours=2))
    api.post(f"{URL}{batch.pk}/resume/")
    began, lines = DialBatch.objects.get().began_at, batch.commands.order_by("sequence")
    assert is_near(began)
    assert [(row.lease_until - began).total_seconds() for row in lines] == [at / 2 for at in range(8)]
    assert all(row.counted_at == row.lease_until for row in lines)


def test_a_cancelled_batch_stays_so_whatever_had_paused_it(api: Any, account: TelnyxAccount) -> None:
    batch = batches.pause(begin(api, 2), PORTAL, paused_for=uuid.uuid4())
    for word in ("cancel", "pause", "resume"):
        assert api.post(f"{URL}{batch.pk}/{word}/").json()["status"] == "cancelled"
    assert {row.error for row in batch.commands.all()} == {"The batch was cancelled by token: tests."}


def test_a_cancelled_batch_dials_no_more(api: Any, account: TelnyxAccount) -> None:
    batch = begin(api, 3)
    batch.commands.filter(sequence=1).update(status="ok")
    assert api.post(f"{URL}{batch.pk}/cancel/").json()["status"] == "cancelled"
    assert list(batch.commands.order_by("sequence").values_list("status", flat=True)) == ["ok", "expired", "expired"]
    assert api.post(f"{URL}{batch.pk}/resume/").json()["status"] == "cancelled"
    assert limits.usage(limits.of_account(account)).dials_per_day == 1


def test_steering_leaves_alone_what_was_sent_and_what_is_none_of_the_batch(api: Any, account: TelnyxAccount) -> None:
    batch, others = begin(api, 3), [dial(account), *begin(api, 2).commands.all()]
    again = batch.commands.get(sequence=1)
    CallCommand.objects.filter(pk=again.pk).update(first_sent_at=timezone.now())  # Telnyx may have it already
    kept = [one.pk for one in (again, *others)]

    def shown() -> list[Any]:
        rows = CallCommand.objects.filter(pk__in=kept).order_by("pk")
        return list(rows.values_list("pk", "status", "lease_until", "counted_at", "expires_at", "error"))

    before = shown()
    for word, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert api.post(f"{URL}{batch.pk}/{word}/").json()["status"] == status
        assert shown() == before
    assert [row.status for row in batch.commands.order_by("sequence")] == ["queued", "expired", "expired"]


@pytest.mark.parametrize("seconds", [-60, 60])
def test_lines_are_due_by_the_database_s_clock(
    api: Any, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    set_wrong(monkeypatch, seconds)
    batch = begin(api, 100, per_second=1)
    limit(account, dials_per_minute=100)

    def shown() -> list[bool]:
        batch.refresh_from_db()
        first, last = batch.commands.get(sequence=1), batch.commands.get(sequence=100)
        times = [(first.lease_until, 0), (first.counted_at, 0), (first.expires_at, 20), (last.lease_until, 99)]
        return [is_near(at, after) for at, after in [*times, (batch.began_at, 0)]]

    assert shown() == [True] * 5
    batches.resume(batches.pause(batch, PORTAL), PORTAL)
    assert shown() == [True] * 5
    batches.cancel(batch, PORTAL)
    assert is_near(batch.commands.get(sequence=1).finished_at)
