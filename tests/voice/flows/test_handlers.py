"""Code of Python users for an event type: what holds for rules holds for it."""

import logging
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import FROM, run_owed
from tests.support.handlers import SAMPLE, process, receive
from tests.support.rows import Call, CallCommand, CallEvent
from voice.events import processing
from voice.flows import handlers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_it_sees_the_call_as_the_event_left_it(account: TelnyxAccount, loaded: Any) -> None:
    process(receive(account))
    (seen,) = sys.modules[SAMPLE].SEEN
    assert (seen.account, seen.direction, seen.from_number) == (account.name, "incoming", FROM)
    assert seen.state == "parked"


def test_a_handler_moves_the_step(account: TelnyxAccount, loaded: Any) -> None:
    process(receive(account))
    process(receive(account, "call.answered"))
    assert Call.objects.get().step == "menu"


@pytest.mark.parametrize(
    ("event_type", "payload", "actions"),
    [
        ("call.initiated", {"connection_id": "another"}, []),
        ("call.initiated", {"direction": "outgoing"}, []),
        ("call.speak.ended", {}, []),
        ("call.answered", {}, ["gather"]),
    ],
)
def test_only_the_calls_it_is_for(
    account: TelnyxAccount, loaded: Any, event_type: str, payload: dict[str, Any], actions: list[str]
) -> None:
    if event_type != "call.initiated":
        process(receive(account, direction="outgoing"))
    process(receive(account, event_type, **payload))
    assert list(CallCommand.objects.values_list("action", flat=True)) == actions


def test_a_repeated_event_does_nothing_twice(account: TelnyxAccount, loaded: Any) -> None:
    event = receive(account)
    process(event)
    CallEvent.objects.filter(pk=event.pk).update(lease_until=None)
    run_owed()
    assert CallCommand.objects.count() == 2


def test_a_late_event_runs_nothing(account: TelnyxAccount, loaded: Any) -> None:
    event = receive(account)
    CallEvent.objects.filter(pk=event.pk).update(source="backfill")
    process(event)
    assert not CallCommand.objects.exists()


def test_an_event_waits_for_the_direction_where_a_handler_asks(account: TelnyxAccount, loaded: Any) -> None:
    event = process(receive(account, "call.gather.ended", digits="+13125550001"))
    assert (event.status, event.attempts) == ("received", 0)
    process(receive(account))
    process(event)
    assert CallCommand.objects.filter(action="transfer").exists()


def test_an_exception_is_tried_again_and_then_dead(account: TelnyxAccount, loaded: Any) -> None:
    process(receive(account))
    event = receive(account, "call.dtmf.received", digit="5")
    for attempt in range(1, 9):
        assert event.status == "received"
        event = process(event)
        assert event.attempts == attempt
    assert event.status == "dead"
    assert event.error == f"RuntimeError in the handler {SAMPLE}.trip"


def test_the_log_has_the_traceback_and_nothing_of_the_payload(
    account: TelnyxAccount, loaded: Any, caplog: pytest.LogCaptureFixture
) -> None:
    process(receive(account))
    with caplog.at_level(logging.ERROR):
        process(receive(account, "call.dtmf.received", digit="unmistakable"))
    assert "handlers_sample.py" in caplog.text
    assert "in trip" in caplog.text
    assert "unmistakable" not in caplog.text


def test_what_an_event_tells_stands_though_its_handler_fails(account: TelnyxAccount, registry: Any) -> None:
    process(receive(account))
    failing = [True]

    @handlers.on("call.hangup")
    def note(event: Any, call: Any) -> Any:
        return 1 / 0 if failing else None

    event = process(receive(account, "call.hangup"))
    call = Call.objects.get()
    assert (call.state, call.hangup_cause, call.ended_at is None) == ("ended", "normal_clearing", False)
    assert (event.status, event.call_id, event.attempts) == ("received", call.pk, 1)
    assert event.error.startswith("ZeroDivisionError in the handler")
    assert event.lease_until is not None
    while event.status == "received":
        event = process(event)
    assert (event.status, event.attempts, event.call_id) == ("dead", 8, call.pk)


def test_a_handler_that_breaks_the_transaction_undoes_nothing_either(account: TelnyxAccount, registry: Any) -> None:
    @handlers.on("call.initiated")
    def broken(event: Any, call: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")

    waiting = receive(account, "call.answered")
    CallEvent.objects.filter(pk=waiting.pk).update(lease_until=timezone.now() + timedelta(seconds=600))
    following = processing.process(receive(account).pk)
    assert (Call.objects.get().state, following.commands) == ("parked", [])
    assert following.events == [waiting.pk]  # the direction is known, whatever the handler did


def test_what_is_no_command_is_a_failure(account: TelnyxAccount, registry: Any) -> None:
    @handlers.on("call.initiated")
    def wrong(event: Any, call: Any) -> Any:
        return ["answer"]

    event = process(receive(account))
    assert (event.status, event.error) == (
        "received",
        f"TypeError in the handler {wrong.__module__}.{wrong.__qualname__}",
    )
    with pytest.raises(ValueError, match="anser"):
        handlers.command("anser")


def test_a_step_that_no_row_holds_is_a_failure_of_its_handler(account: TelnyxAccount, registry: Any) -> None:
    length = [101]

    @handlers.on("call.initiated")
    def far(event: Any, call: Any) -> Any:
        return handlers.step("x" * length[0])

    event = process(receive(account))
    assert (event.status, event.error) == ("received", f"ValueError in the handler {far.__module__}.{far.__qualname__}")
    length[0] = 100
    assert process(event).status == "processed"
    assert Call.objects.get().step == "x" * 100


# --- At the start ----------------------------------------------------------------------------------------------------


def test_without_its_handlers_no_event_passes_by(account: TelnyxAccount, registry: Any) -> None:
    handlers.load(["tests.voice.no_such_module"])
    event = process(receive(account))
    assert (event.status, event.error) == ("received", "ImportError in the handler EVENT_HANDLERS")


def test_a_handler_is_told_all_of_the_call_and_the_event_as_it_came(account: TelnyxAccount, registry: Any) -> None:
    seen: list[tuple[Any, Any]] = []

    @handlers.on("call.initiated")
    def spoil(event: Any, call: Any) -> Any:
        event.payload["from"] = "somebody else"

    @handlers.on("call.initiated", direction="any")
    def note(event: Any, call: Any) -> Any:
        seen.append((event, call))

    row = process(receive(account, client_state="aGVsbG8=", tags=["vip"]))
    ((event, leg),), call = seen, Call.objects.get()
    assert (event.event_type, event.occurred_at) == ("call.initiated", row.occurred_at)
    assert event.payload == row.payload
    assert row.payload["from"] == FROM
    told = {name: value for name, value in vars(leg).items() if name not in {"account", "tags"}}
    assert told == {name: getattr(call, name) for name in told}
    assert (leg.account, leg.tags, leg.client_state, len(told)) == ("main", tuple(call.tags), call.client_state, 10)


@pytest.mark.parametrize(
    ("what", "name"), [("event", "event_type"), ("call", "step"), ("wish", "action"), ("step", "name")]
)
def test_what_a_handler_is_given_or_makes_is_not_written_to(
    account: TelnyxAccount, registry: Any, what: str, name: str
) -> None:
    @handlers.on("call.initiated")
    def spoil(event: Any, call: Any) -> Any:
        made = {"event": event, "call": call, "wish": handlers.command("answer"), "step": handlers.step("menu")}
        setattr(made[what], name, "another")

    event = process(receive(account))
    told = f"FrozenInstanceError in the handler {spoil.__module__}.{spoil.__qualname__}"
    assert (event.status, event.error) == ("received", told)
