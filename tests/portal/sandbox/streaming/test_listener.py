"""What an application sends is played as long as it is, or refused in words."""

import base64
import json
from typing import Any

import pytest

from portal.sandbox.streaming.listener import Listener, Wrong


def rtp(codec: str = "PCMU", rate: int = 8000, pace: float = 1.0) -> Listener:
    return Listener("rtp", codec, rate, pace)


def media(sound: bytes) -> str:
    return json.dumps({"event": "media", "media": {"payload": base64.b64encode(sound).decode()}})


def mark(name: str) -> str:
    return json.dumps({"event": "mark", "mark": {"name": name}})


@pytest.mark.parametrize(
    ("codec", "rate", "size", "seconds"),
    [
        ("PCMU", 8000, 4000, 0.5),
        ("PCMA", 8000, 160, 0.02),
        ("G722", 16000, 8000, 1.0),
        ("L16", 16000, 32000, 1.0),
        ("L16", 8000, 16000, 1.0),
        ("OPUS", 16000, 77, 0.02),
    ],
)
def test_sound_is_as_long_as_its_codec_says(codec: str, rate: int, size: int, seconds: float) -> None:
    listener = rtp(codec, rate)
    assert listener.take(media(bytes(size)), 10.0) == "media"
    assert (listener.heard.bytes, listener.heard.seconds) == (size, seconds)
    assert not listener.is_silent(10.0 + seconds - 0.001)
    assert listener.is_silent(10.0 + seconds)


def test_marks_come_when_what_was_before_them_is_over() -> None:
    listener = rtp(pace=0.5)
    listener.take(mark("at once"), 1.0)
    listener.take(media(bytes(8000)), 1.0)
    listener.take(mark("first"), 1.0)
    listener.take(media(bytes(8000)), 1.2)
    listener.take(mark("second"), 1.2)
    assert [listener.passed(at) for at in (1.0, 1.4, 1.5, 1.9, 2.0)] == [["at once"], [], ["first"], [], ["second"]]
    assert (listener.heard.marks, listener.heard.marks_answered) == (["at once", "first", "second"], 3)


def test_a_silence_between_is_not_played_twice() -> None:
    listener = rtp()
    listener.take(media(bytes(8000)), 0.0)
    listener.take(media(bytes(8000)), 5.0)
    assert not listener.is_silent(5.9)
    assert listener.is_silent(6.0)


@pytest.mark.parametrize(
    ("message", "title"),
    [
        (b"\x00\x01", "malformed_frame"),
        ("no JSON", "malformed_frame"),
        ("[" * 100_000, "malformed_frame"),
        ("[]", "malformed_frame"),
        ('{"event": "stop"}', "malformed_frame"),
        ('{"event": ["media"]}', "malformed_frame"),
        ('{"event": "media"}', "malformed_frame"),
        ('{"event": "media", "media": {"payload": 1}}', "malformed_frame"),
        ('{"event": "mark", "mark": "x"}', "malformed_frame"),
        ('{"event": "mark", "mark": {"name": null}}', "malformed_frame"),
        ('{"event": "media", "media": {"payload": "***"}}', "invalid_media"),
        ('{"event": "media", "media": {"payload": "\\u00fc"}}', "invalid_media"),
        (media(b""), "invalid_media"),
        (media(bytes(8000 * 31)), "invalid_media"),
    ],
)
def test_what_is_no_frame_is_refused(message: Any, title: str) -> None:
    listener = rtp()
    with pytest.raises(Wrong) as refusal:
        listener.take(message, 0.0)
    assert (refusal.value.title, listener.heard.refused, listener.heard.media) == (title, 1, 0)


def test_a_file_is_an_mp3_and_one_comes_a_second() -> None:
    listener = Listener("mp3", "PCMU", 8000, 1.0)
    with pytest.raises(Wrong, match="mode rtp"):
        listener.take(media(bytes(160)), 0.0)
    assert listener.take(media(b"\xff\xfb\x10\xc4"), 0.0) == "media"
    with pytest.raises(Wrong, match="One MP3 a second") as refusal:
        listener.take(media(b"ID3"), 0.9)
    assert refusal.value.code == 100_005
    assert listener.take(media(b"ID3"), 1.0) == "media"
    assert listener.heard.seconds == 4.0
