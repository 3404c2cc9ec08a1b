"""Code of Python users for an event type: what holds for rules holds for it."""

import logging
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import FROM, make_event, make_flow, run_owed
from tests.support.webhooks import post_webhook
from voice.dialling import limits
from voice.events import processing
from voice.flows import handlers
from voice.models import Call, CallCommand, CallEvent

pytestmark = pytest.mark.django_db
SAMPLE = "tests.support.handlers_sample"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[handlers.Registry]:
    """An empty one, as at a start."""
    made = handlers.Registry()
    monkeypatch.setattr(handlers, "_registry", made)
    yield made
    sys.modules.pop(SAMPLE, None)


@pytest.fixture
def loaded(registry: handlers.Registry) -> handlers.Registry:
    handlers.load([SAMPLE])
    assert handlers.problems() == []
    return registry


def receive(account: TelnyxAccount, event_type: str = "call.initiated", **payload: Any) -> CallEvent:
    document = make_event(event_type, **payload)
    assert post_webhook(Client(), account, document).status_code == 200
    return CallEvent.objects.get(event_id=document["data"]["id"])


def process(event: CallEvent) -> CallEvent:
    CallEvent.objects.filter(pk=event.pk).update(lease_until=None)
    processing.process(event.pk)
    return CallEvent.objects.get(pk=event.pk)


def test_a_handler_s_commands_are_queued_in_order(account: TelnyxAccount, loaded: Any) -> None:
    event = process(receive(account))
    first, second = CallCommand.objects.order_by("sequence")
    assert (first.action, second.action) == ("answer", "speak")
    assert second.parameters == {"payload": f"Hello {FROM}", "voice": "female"}
    assert first.intent_key == f"event:{event.pk}:{SAMPLE}.greet:0"
    assert first.requested_by == f"handler: {SAMPLE}.greet"
    assert (first.status, event.status) == ("queued", "processed")
    assert first.expires_at > timezone.now()


def test_it_sees_the_call_as_the_event_left_it(account: TelnyxAccount, loaded: Any) -> None:
    process(receive(account))
    (seen,) = sys.modules[SAMPLE].SEEN
    assert (seen.account, seen.direction, seen.from_number) == (account.name, "incoming", FROM)
    assert seen.state == "parked"


def test_its_commands_follow_those_of_the_rules(account: TelnyxAccount, loaded: Any) -> None:
    make_flow(
        account,
        {
            "event_type": "call.initiated",
            "do": [{"action": "start_recording", "parameters": {"channels": "dual", "format": "mp3"}}],
        },
    )
    process(receive(account))
    assert list(CallCommand.objects.order_by("sequence").values_list("action", "sequence")) == [
        ("start_recording", 0),
        ("answer", 1),
        ("speak", 2),
    ]


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


def test_what_telnyx_would_refuse_is_not_sent(account: TelnyxAccount, loaded: Any) -> None:
    process(receive(account))
    process(receive(account, "call.gather.ended", digits=7))
    command = CallCommand.objects.get(action="transfer")
    assert (command.status, "Telnyx would refuse it" in command.error) == ("expired", True)


def test_a_handler_is_held_to_the_limits(account: TelnyxAccount, loaded: Any) -> None:
    row = limits.of_account(account)
    row.allowed_countries = ["US"]
    row.save()
    process(receive(account))
    process(receive(account, "call.gather.ended", digits="+493012345678"))
    command = CallCommand.objects.get(action="transfer")
    assert (command.status, "allowed_countries" in command.error) == ("expired", True)


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


def test_a_handler_that_works_again_has_its_commands_once(account: TelnyxAccount, registry: Any) -> None:
    failing = [True]

    @handlers.on("call.initiated")
    def greet(event: Any, call: Any) -> Any:
        return 1 / 0 if failing else [handlers.command("answer"), handlers.step("greeted")]

    make_flow(
        account,
        {
            "event_type": "call.initiated",
            "do": [{"action": "send_dtmf", "parameters": {"digits": "1"}}],
            "step": "ruled",
        },
    )
    event = process(receive(account))
    assert (Call.objects.get().state, Call.objects.get().step, CallCommand.objects.count()) == ("parked", "", 0)
    failing.clear()
    assert process(event).status == "processed"
    process(event)
    assert list(CallCommand.objects.order_by("sequence").values_list("action", flat=True)) == [
        "send_dtmf",
        "answer",
    ]
    assert Call.objects.get().step == "greeted"


def test_a_handler_that_breaks_the_transaction_undoes_nothing_either(account: TelnyxAccount, registry: Any) -> None:
    @handlers.on("call.initiated")
    def broken(event: Any, call: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column")

    waiting = receive(account, "call.answered")
    CallEvent.objects.filter(pk=waiting.pk).update(lease_until=timezone.now() + timedelta(seconds=2))
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


# --- At the start ----------------------------------------------------------------------------------------------------


def test_a_module_that_cannot_be_imported_stops_the_start(registry: Any) -> None:
    handlers.load(["tests.voice.no_such_module"])
    with pytest.raises(SystemCheckError, match=r"voice.E001.*no_such_module"):
        call_command("check")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"event_type": "call.initated"}, 'did you mean "call.initiated"'),
        ({"event_type": "nonsense"}, 'no event type "nonsense"'),
        ({"event_type": "call.initiated", "direction": "inbound"}, "inbound"),
    ],
)
def test_a_handler_that_would_never_run_stops_the_start(registry: Any, told: dict[str, str], words: str) -> None:
    handlers.on(**told)(lambda event, call: None)
    with pytest.raises(SystemCheckError, match=words):
        call_command("check")


def test_two_functions_of_one_name_stop_the_start(registry: Any) -> None:
    for _ in range(2):
        handlers.on("call.initiated")(lambda event, call: None)
    with pytest.raises(SystemCheckError, match="two functions"):
        call_command("check")


def test_without_its_handlers_no_event_passes_by(account: TelnyxAccount, registry: Any) -> None:
    handlers.load(["tests.voice.no_such_module"])
    event = process(receive(account))
    assert (event.status, event.error) == ("received", "ImportError in the handler EVENT_HANDLERS")


def test_good_handlers_pass_the_check(loaded: Any) -> None:
    call_command("check")
