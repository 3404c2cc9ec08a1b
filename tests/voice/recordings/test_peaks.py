"""How loud a recording is over time, from its bytes."""

import io
import struct
import wave

import pytest

from voice.recordings import peaks


def wav(channels: int, width: int, frames: bytes) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(frames)
    return buffer.getvalue()


def test_each_channel_has_its_own_loudness_in_even_steps() -> None:
    loud_left = b"".join(struct.pack("<hh", 32767 if at < 400 else 0, -16384) for at in range(800))
    left, right = peaks.of_wav(wav(2, 2, loud_left))
    assert (len(left), left[:100], left[100:]) == (200, [99] * 100, [0] * 100)
    assert set(right) == {50}


def test_a_short_one_has_as_many_steps_as_samples() -> None:
    assert peaks.of_wav(wav(1, 2, struct.pack("<3h", 0, 32767, 0))) == [[0, 99, 0]]


@pytest.mark.parametrize(
    "data",
    [b"", b"ID3\x04", b"RIFF\x00\x00\x00\x00WAVE", wav(1, 1, b"\x80" * 9), wav(2, 2, b""), wav(3, 2, b"\x00" * 60)],
)
def test_what_cannot_be_drawn_is_told(data: bytes) -> None:
    with pytest.raises(peaks.NotDrawn, match=r"\w"):
        peaks.of_wav(data)
