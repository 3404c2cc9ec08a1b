"""Encodes what is heard of a call for a stream: PCMU and PCMA (ITU-T G.711), L16 (RFC 2586).

Which of them a stream has: developers.telnyx.com, "Stream": the one asked for, or, where Telnyx cannot make that out of
the call's own, the call's own. A call to or from North America was seen to have PCMU, one of elsewhere PCMA.
"""

import base64
import math
from collections.abc import Callable
from functools import cache

from portal.json_types import JsonObject

SECONDS = 0.02  # of one frame
RATE = 8000  # samples a second, unless a stream is told otherwise
ENCODED = ("PCMU", "PCMA", "L16")  # the others need a library
_PITCH, _LOUDNESS = 440, 8000
_AFTER = 5  # frames after which 440 Hz repeats, at whatever rate: 44 waves
_LOUDEST, _BIAS = 32_635, 132
_WITH_PCMU = ("+1", "+81")  # North America and Japan


def of_call(number: str) -> str:
    """Return the codec of a call with somebody of that number."""
    return "PCMA" if number.startswith("+") and not number.startswith(_WITH_PCMU) else "PCMU"


def media_format(asked: str, own: str, rate: int) -> JsonObject:
    """Return what a stream sends of a call whose codec is ``own``. Only L16 is of a ``rate`` of choice."""
    encoding = asked if asked in ENCODED else own
    return {"encoding": encoding, "sample_rate": rate if encoding == "L16" else RATE, "channels": 1}


@cache
def tone(encoding: str, rate: int) -> tuple[str, ...]:
    """Return the frames of a tone until it repeats, each in base64."""
    size = round(rate * SECONDS)
    wave = [round(_LOUDNESS * math.sin(2 * math.pi * _PITCH * at / rate)) for at in range(_AFTER * size)]
    frames = (wave[at : at + size] for at in range(0, len(wave), size))
    return tuple(_encoded(encoding, frame) for frame in frames)


@cache
def silence(encoding: str, rate: int) -> str:
    """Return a frame in which nothing is heard, in base64."""
    return _encoded(encoding, [0] * round(rate * SECONDS))


def _encoded(encoding: str, samples: list[int]) -> str:
    return base64.b64encode(b"".join(map(_ENCODERS[encoding], samples))).decode()


def _mu_law(sample: int) -> bytes:
    """Return a sample of 16 bits as the eight that a telephone of North America sends."""
    magnitude = min(abs(sample), _LOUDEST) + _BIAS
    exponent = magnitude.bit_length() - 8
    coded = (0x80 if sample < 0 else 0) | exponent << 4 | magnitude >> (exponent + 3) & 0x0F
    return bytes([~coded & 0xFF])


def _a_law(sample: int) -> bytes:
    """Return a sample of 16 bits as the eight that a telephone elsewhere sends."""
    magnitude = (sample if sample >= 0 else ~sample) >> 3
    exponent = max(magnitude.bit_length() - 5, 0)
    coded = exponent << 4 | magnitude >> max(exponent, 1) & 0x0F
    return bytes([coded ^ (0xD5 if sample >= 0 else 0x55)])


def _linear(sample: int) -> bytes:
    return sample.to_bytes(2, "big", signed=True)


_ENCODERS: dict[str, Callable[[int], bytes]] = {"PCMU": _mu_law, "PCMA": _a_law, "L16": _linear}
