"""Machines are detected where that is asked for."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


@pytest.mark.parametrize(
    ("to", "mode", "event_type", "result"),
    [
        ("+13125550005", "detect", "call.machine.detection.ended", "machine"),
        ("+13125550001", "detect", "call.machine.detection.ended", "human"),
        ("+13125550005", "premium", "call.machine.premium.detection.ended", "machine"),
        ("+13125550005", "detect_beep", "call.machine.greeting.ended", "beep_detected"),
    ],
)
def test_machines_are_detected_when_asked_for(
    http: Http, application: Any, receiver: Receiver, to: str, mode: str, event_type: str, result: str
) -> None:
    http.dial(application, to, answering_machine_detection=mode)
    assert receiver.wait(event_type).payload["result"] == result


def test_no_machine_is_detected_unasked(http: Http, application: Any, receiver: Receiver) -> None:
    http.end(http.dial(application, "+13125550005"))
    assert receiver.types() == ["call.initiated", "call.answered", "call.hangup"]
