"""Makes audio for recordings: a quiet tone as WAV, silence as MP3, both made when asked for and playable anywhere."""

import io
import math
import struct
import wave

RATE = 8000  # samples a second, as on a telephone
LONGEST = 30.0  # seconds; a recording of an hour need not be an hour long here
_PITCH = 440
_PERIOD = 200  # samples after which 440 Hz repeats at this rate: eleven waves
# MPEG 1 layer III, 32 kbit/s, 44.1 kHz, mono: a frame of zeros is 26 ms of silence
_FRAME = b"\xff\xfb\x10\xc4" + bytes(100)
_FRAME_SECONDS = 1152 / 44_100


def wav(seconds: float, channels: int) -> bytes:
    """Make a mono or stereo file of 16-bit samples; at least one sample, at most ``LONGEST`` seconds."""
    wanted = max(1, round(min(seconds, LONGEST) * RATE))
    samples = [round(3000 * math.sin(2 * math.pi * _PITCH * at / RATE)) for at in range(_PERIOD)]
    period = b"".join(struct.pack("<h", sample) * channels for sample in samples)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((period * -(-wanted // _PERIOD))[: wanted * 2 * channels])
    return content.getvalue()


def mp3(seconds: float) -> bytes:
    return _FRAME * max(1, round(min(seconds, LONGEST) / _FRAME_SECONDS))
