"""What is heard is encoded as a telephone would: a tone, whatever the codec, or nothing."""

import base64
from itertools import pairwise

import pytest

from portal.sandbox.streaming import codecs


def mu_law(byte: int) -> int:
    """What eight bits of PCMU mean (G.711)."""
    byte = ~byte & 0xFF
    magnitude = ((byte & 0x0F) << 3) + 132 << (byte >> 4 & 0x07)
    return (132 - magnitude) if byte & 0x80 else magnitude - 132


def a_law(byte: int) -> int:
    """What eight bits of PCMA mean (G.711)."""
    byte ^= 0x55
    exponent, mantissa = byte >> 4 & 0x07, (byte & 0x0F) << 4
    magnitude = mantissa + 8 if exponent == 0 else (mantissa + 264) << (exponent - 1)
    return magnitude if byte & 0x80 else -magnitude


def decoded(encoding: str, frame: str) -> list[int]:
    raw = base64.b64decode(frame)
    if encoding == "L16":
        return [int.from_bytes(raw[at : at + 2], "big", signed=True) for at in range(0, len(raw), 2)]
    return [{"PCMU": mu_law, "PCMA": a_law}[encoding](byte) for byte in raw]


@pytest.mark.parametrize(
    ("encoding", "rate"),
    [("PCMU", 8000), ("PCMA", 8000), ("L16", 8000), ("L16", 16_000), ("L16", 22_050), ("L16", 24_000), ("L16", 48_000)],
)
def test_it_is_a_tone_of_440_hertz_without_a_break(encoding: str, rate: int) -> None:
    frames = codecs.tone(encoding, rate)
    sound = [sample for number in range(50) for sample in decoded(encoding, frames[number % len(frames)])]
    assert len(sound) == rate
    rises = sum(before < 0 <= after for before, after in pairwise(sound))
    assert rises in (439, 440)
    assert 7_000 < max(sound) < 8_500
    assert max(abs(after - before) for before, after in pairwise(sound)) < 3_500
    assert {abs(sample) for sample in decoded(encoding, codecs.silence(encoding, rate))} <= {0, 8}


@pytest.mark.parametrize("sample", [0, 1, -1, 100, -100, 8000, -8000, 32_767, -32_768])
def test_eight_bits_mean_nearly_what_sixteen_did(sample: int) -> None:
    """Eight bits have a sixteenth of a sample's size as their step."""
    for encode, decode in ((codecs._mu_law, mu_law), (codecs._a_law, a_law)):
        assert abs(decode(encode(sample)[0]) - sample) <= max(8, abs(sample) / 16)


@pytest.mark.parametrize(
    ("number", "codec"),
    [("+13125550100", "PCMU"), ("+81312345678", "PCMU"), ("+4930901820", "PCMA"), ("sip:ada@b.example", "PCMU")],
)
def test_a_call_has_the_codec_of_its_country(number: str, codec: str) -> None:
    assert codecs.of_call(number) == codec


@pytest.mark.parametrize(
    ("asked", "encoding", "rate"),
    [
        ("default", "PCMA", 8000),
        ("PCMU", "PCMU", 8000),
        ("L16", "L16", 16_000),
        ("G722", "PCMA", 8000),
        ("OPUS", "PCMA", 8000),
        ("AMR-WB", "PCMA", 8000),
    ],
)
def test_what_cannot_be_made_is_sent_as_it_is(asked: str, encoding: str, rate: int) -> None:
    assert codecs.media_format(asked, "PCMA", 16_000) == {"encoding": encoding, "sample_rate": rate, "channels": 1}
