"""Speech and sound follow each other; digits are gathered."""

from typing import Any

import pytest

from portal.sandbox.client import Client
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


ASKS = {"gather_using_speak": SPEECH, "gather_using_audio": {"audio_url": "http://example.com/a.wav"}}


def asked(client: Client, action: str, *keys: str, **more: Any) -> str:
    """A question to somebody who presses these keys at its first time, its second time …"""
    id = client.ring(*({"after": "gathering", "press": key} for key in keys))
    client.ask("POST", f"/v2/calls/{id}/actions/answer", {})
    client.ask("POST", f"/v2/calls/{id}/actions/{action}", ASKS[action] | {"timeout_millis": 10_000} | more)
    return id


@pytest.mark.parametrize("action", ASKS)
@pytest.mark.parametrize(("more", "tries"), [({}, 3), ({"maximum_tries": 2}, 2), ({"maximum_tries": 1}, 1)])
def test_a_question_without_an_answer_is_asked_again(
    standing: Client, action: str, more: dict[str, Any], tries: int
) -> None:
    id = asked(standing, action, **more)
    standing.advance(12 * tries - 0.5)
    assert not standing.ledger("deliveries", event_type="call.gather.ended", call_control_id=id)
    standing.advance(0.6)
    assert standing.wait("call.gather.ended", id)["status"] == "timeout"
    played = standing.ledger("deliveries", event_type="call.playback.started", call_control_id=id)
    assert len(played) == (tries if action == "gather_using_audio" else 0)


@pytest.mark.parametrize("action", ASKS)
@pytest.mark.parametrize(
    ("keys", "digits", "status"),
    [("91", "1", "valid"), ("991", "1", "valid"), ("9991", "9", "invalid"), ("1", "1", "valid")],
)
def test_a_wrong_key_is_asked_for_again(standing: Client, action: str, keys: str, digits: str, status: str) -> None:
    id = asked(standing, action, *keys, maximum_digits=1, valid_digits="12")
    standing.advance(30)
    told = standing.wait("call.gather.ended", id)
    assert (told["digits"], told["status"]) == (digits, status)


def test_what_was_wrong_is_said_before_the_question(standing: Client) -> None:
    id = asked(standing, "gather_using_speak", "9", "1", maximum_digits=1, valid_digits="1", invalid_payload="Not that")
    standing.advance(7.5)  # question and key, complaint, question
    assert not standing.ledger("deliveries", event_type="call.gather.ended", call_control_id=id)
    standing.advance(0.6)
    assert standing.wait("call.gather.ended", id)["digits"] == "1"


def test_a_gather_is_known_by_its_id(http: Http, answered: str, receiver: Receiver) -> None:
    http.act(answered, "gather", gather_id="one")
    http.act(answered, "gather_stop")
    assert receiver.wait("call.gather.ended", answered).payload["gather_id"] == "one"
