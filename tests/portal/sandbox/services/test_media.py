"""Speech and sound follow each other; digits are gathered."""

from typing import Any

import pytest

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver

SPEECH = {"payload": "hello", "voice": "female"}


def test_two_speeches_follow_each_other(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "speak", **SPEECH)
    http.act(answered, "speak", **SPEECH)
    assert receiver.wait("call.speak.ended", count=2).payload["status"] == "completed"
    assert receiver.types()[2:6] == ["call.speak.started", "call.speak.ended"] * 2


def test_playback_is_stopped(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "playback_start", audio_url="http://example.com/a.wav", loop="infinity")
    http.act(answered, "playback_stop")
    ended = receiver.wait("call.playback.ended").payload
    assert (ended["status"], ended["media_url"]) == ("cancelled", "http://example.com/a.wav")


def test_a_gather_without_digits_times_out(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather", timeout_millis=60000)
    ended = receiver.wait("call.gather.ended").payload
    assert (ended["digits"], ended["status"]) == ("", "timeout")


def test_a_gather_is_stopped(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather")
    http.act(answered, "gather_stop")
    assert receiver.wait("call.gather.ended").payload["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "digits", "status"),
    [
        ({"maximum_digits": 1}, "1", "valid"),
        ({"maximum_digits": 4}, "1", "valid"),
        ({"minimum_digits": 2}, "1", "invalid"),
        ({"maximum_digits": 1, "valid_digits": "23"}, "1", "invalid"),
        ({"terminating_digit": "1"}, "", "invalid"),
    ],
)
def test_digits_pressed_are_judged(
    http: Http, application: Any, receiver: Receiver, body: dict[str, Any], digits: str, status: str
) -> None:
    id = http.ring("ivr")
    http.act(id, "answer")
    http.act(id, "gather", **body)
    ended = receiver.wait("call.gather.ended").payload
    assert (ended["digits"], ended["status"]) == (digits, status)
    assert receiver.types()[2:4] == ["call.dtmf.received", "call.gather.ended"]


def test_a_file_is_played_before_digits_are_gathered(http: Http, application: Any, receiver: Receiver) -> None:
    id = http.ring("ivr")
    http.act(id, "answer")
    http.act(id, "gather_using_audio", audio_url="http://example.com/a.wav", maximum_digits=1)
    assert receiver.wait("call.gather.ended", id).payload["digits"] == "1"
    assert receiver.types(id)[2:] == [
        "call.playback.started",
        "call.playback.ended",
        "call.dtmf.received",
        "call.gather.ended",
    ]


def test_a_gather_is_known_by_its_id(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather", gather_id="one")
    http.act(answered, "gather_stop")
    assert receiver.wait("call.gather.ended", answered).payload["gather_id"] == "one"
