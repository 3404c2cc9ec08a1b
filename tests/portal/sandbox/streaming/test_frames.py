"""The tone is one that a telephone would play, and frames are counted from one."""

import base64
from itertools import pairwise

from portal.sandbox.streaming.frames import RATE, Writer, tone


def sample(byte: int) -> int:
    """What eight bits of PCMU mean (G.711)."""
    byte = ~byte & 0xFF
    magnitude = ((byte & 0x0F) << 3) + 132 << (byte >> 4 & 0x07)
    return (132 - magnitude) if byte & 0x80 else magnitude - 132


def test_it_is_a_tone_of_440_hertz_without_a_break() -> None:
    sound = [sample(byte) for number in range(50) for byte in base64.b64decode(tone(number))]
    assert len(sound) == RATE
    rises = sum(before < 0 <= after for before, after in pairwise(sound))
    assert rises in (439, 440)
    assert 7_000 < max(sound) < 8_500
    assert max(abs(after - before) for before, after in pairwise(sound)) < 3_500


def test_frames_of_every_kind_are_counted_together() -> None:
    writer = Writer("s", None, {"user_id": "u", "call_control_id": "c"}, "both_tracks")
    frames = [*writer.begin(), *writer.media(), writer.dtmf("1", 0.0), writer.mark("m"), writer.error(1, "t", "d")]
    frames.append(writer.stop())
    assert [frame.get("sequence_number") for frame in frames] == [None, *map(str, range(1, 8))]
    assert frames[0] == {"event": "connected", "version": "1.0.0"}
    assert frames[4]["occurred_at"] == "1970-01-01T00:00:00.000000Z"
    assert frames[-1]["stop"] == {"user_id": "u", "call_control_id": "c"}
