"""Draws how loud a recording is over time, from a WAV file with plain samples: Python reads no other kind by itself."""

import io
import sys
import wave
from array import array
from collections.abc import Sequence
from itertools import pairwise

STEPS = 200  # per channel: with two figures each the row stays below two kilobytes
_LOUDEST, _MOST_CHANNELS = 99, 2
_BYTES, _FULL = 2, 32768
_WIDTH, _HEIGHT = 800, 40
NO_WAV = "Only WAV files can be drawn; this one is another kind. It can be heard all the same."


class NotDrawn(Exception):
    """Says in words why a file cannot be drawn."""


def of_wav(data: bytes) -> list[list[int]]:
    """Return per channel the loudness, 0 to 99, in ``STEPS`` even steps. ``NotDrawn`` for any other file."""
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, count = file.getnchannels(), file.getsampwidth(), file.getnframes()
            samples = array("h", file.readframes(count)) if width == _BYTES else None
    except (wave.Error, EOFError, ValueError) as error:
        raise NotDrawn(NO_WAV) from error
    if samples is None or channels > _MOST_CHANNELS:
        raise NotDrawn("Only files of one or two channels with 16 bits a sample can be drawn.")
    if sys.byteorder == "big":
        samples.byteswap()
    if not samples:
        raise NotDrawn("The file is empty.")
    if len(samples) < channels:
        raise NotDrawn("The file is empty.")
    return [_loudness(samples[channel::channels]) for channel in range(channels)]


def path(loudness: Sequence[int]) -> str:
    """Return the SVG path of one channel, within ``width`` × ``height``."""
    middle, step = _HEIGHT / 2, _WIDTH / max(len(loudness), 1)
    strokes = []
    for at, value in enumerate(loudness):
        half = max(value / _LOUDEST * (middle - 1), 0.5)
        x = (at + 0.5) * step
        strokes.append(f"M{x:.1f} {middle - half:.1f}V{middle + half:.1f}")
    return "".join(strokes)


def _loudness(samples: Sequence[int]) -> list[int]:
    steps = min(STEPS, len(samples))
    edges = [len(samples) * at // steps for at in range(steps + 1)]
    return [_peak(samples[begin:end]) for begin, end in pairwise(edges)]


def _peak(piece: Sequence[int]) -> int:
    loudest = max(piece)
    return round(max(loudest, -min(piece)) / _FULL * _LOUDEST)
