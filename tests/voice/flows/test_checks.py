"""What stops the start: handlers that cannot be imported or would never run."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from voice.flows import handlers

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize(("length", "is_fine"), [(120, True), (121, False)])
def test_a_handler_has_a_name_that_its_commands_can_bear(registry: Any, length: int, is_fine: bool) -> None:
    def handler(event: Any, call: Any) -> None:
        return None

    handler.__qualname__ = "x" * (length - len(f"{handler.__module__}."))
    handlers.on("call.initiated")(handler)
    assert (handlers.problems() == []) is is_fine


def test_good_handlers_pass_the_check(loaded: Any) -> None:
    call_command("check")


def test_what_stops_the_start_says_where_it_is_explained(registry: Any) -> None:
    handlers.load(["tests.voice.no_such_module"])
    with pytest.raises(SystemCheckError, match=r"docs/extending\.md"):
        call_command("check")
