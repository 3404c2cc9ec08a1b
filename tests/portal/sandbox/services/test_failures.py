"""What is heard fails as it does at Telnyx: media that is not there, speech into a machine's beep."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver


@pytest.mark.parametrize(("path", "status"), [("fail", "failed"), ("missing", "file_not_found"), ("a", "completed")])
def test_media_that_cannot_be_had_says_so(
    http: Http, answered: str, receiver: Receiver, path: str, status: str
) -> None:
    http.act(
        answered, "playback_start", audio_url=f"http://example.com/{path}?x=1", loop="infinity" if path != "a" else 1
    )
    assert receiver.wait("call.playback.ended", answered).payload["status"] == status


def test_speech_into_a_beep_is_cut_and_the_call_goes_on(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.dial(application, "+13125550005", answering_machine_detection="detect_beep")
    receiver.wait("call.machine.detection.ended", id)
    http.act(id, "speak", payload="hello", voice="female")
    assert receiver.wait("call.speak.ended", id).payload["status"] == "cancelled_amd"
    assert http("GET", f"/v2/calls/{id}")[1]["data"]["is_alive"] is True
