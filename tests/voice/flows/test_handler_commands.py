"""Commands that handlers ask for: in order, after those of the rules, held as they are, and made once."""

from typing import Any

import pytest
from django.utils import timezone

from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, FROM, make_flow
from tests.support.handlers import SAMPLE, process, receive
from tests.support.rows import Call, CallCommand
from voice.dialling import limits
from voice.flows import handlers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_a_handler_s_commands_are_queued_in_order(account: TelnyxAccount, loaded: Any) -> None:
    event = process(receive(account))
    first, second = CallCommand.objects.order_by("sequence")
    assert (first.action, second.action) == ("answer", "speak")
    assert second.parameters == {"payload": f"Hello {FROM}", "voice": "female"}
    assert first.intent_key == f"event:{event.pk}:{SAMPLE}.greet:0"
    assert first.requested_by == f"handler: {SAMPLE}.greet"
    assert (first.status, event.status) == ("queued", "processed")
    assert first.expires_at > timezone.now()


@pytest.mark.parametrize("direction", ["incoming", "outgoing"])
def test_a_function_that_is_registered_twice_hears_of_either(
    account: TelnyxAccount, registry: handlers.Registry, direction: str
) -> None:
    @handlers.on("call.initiated", direction="outgoing")
    @handlers.on("call.initiated", direction="outgoing", connection_id=CONNECTION)
    @handlers.on("call.initiated")
    def end(event: Any, call: Any) -> Any:
        return handlers.command("hangup")

    process(receive(account, direction=direction))
    assert list(CallCommand.objects.values_list("action", flat=True)) == ["hangup"]


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


def test_what_tells_nothing_new_is_heard_of_and_processed(account: TelnyxAccount, registry: handlers.Registry) -> None:
    asked: list[str] = []

    @handlers.on("call.hold")
    def note(event: Any, call: Any) -> None:
        asked.append(event.event_type)

    process(receive(account, seconds=-9))
    process(receive(account, "call.answered", seconds=-1))
    event = process(receive(account, "call.hold", seconds=-5))  # it comes after what was later
    assert (asked, event.status) == (["call.hold"], "processed")


def test_a_handler_that_names_no_step_leaves_the_rule_s(account: TelnyxAccount, registry: handlers.Registry) -> None:
    @handlers.on("call.initiated")
    def greet(event: Any, call: Any) -> Any:
        return handlers.command("answer")

    make_flow(account, {"event_type": "call.initiated", "do": [], "step": "ruled"})
    process(receive(account))
    assert (Call.objects.get().step, CallCommand.objects.get().action) == ("ruled", "answer")
