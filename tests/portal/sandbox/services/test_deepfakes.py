"""A voice is judged in the way that was asked for."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


@pytest.mark.parametrize(
    ("to", "mode", "events"),
    [
        ("+13125550005", "premium", {"call.machine.premium.greeting.ended": "beep_detected"}),
        ("+13125550007", "premium", {"call.machine.premium.detection.ended": "fax_detected"}),
        ("+13125550005", "greeting_end", {"call.machine.greeting.ended": "ended"}),
        ("+13125550005", "detect_words", {"call.machine.greeting.ended": "ended"}),
        (
            "+13125550006",
            "premium_ios_call_screening_detection",
            {"call.machine.premium.call_screening.detected": "screening"},
        ),
    ],
)
def test_each_mode_of_detection_has_its_events(
    http: Http, application: Any, answered: str, receiver: Receiver, to: str, mode: str, events: dict[str, str]
) -> None:
    http.act(answered, "transfer", to=to, answering_machine_detection=mode)
    for event_type, result in events.items():
        assert receiver.wait(event_type).payload["result"] == result
    started = "call.machine.premium.detection.started"
    assert bool([hook for hook in receiver.hooks if hook.type == started]) == mode.startswith("premium")
