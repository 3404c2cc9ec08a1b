"""Frames of every kind are counted from one."""

from portal.sandbox.streaming.codecs import media_format
from portal.sandbox.streaming.frames import Writer


def test_frames_of_every_kind_are_counted_together() -> None:
    start = {"user_id": "u", "call_control_id": "c", "media_format": media_format("default", "PCMU", 8000)}
    writer = Writer("s", None, start, "both_tracks")
    frames = [*writer.begin(), *writer.media(), writer.dtmf("1", 0.0), writer.mark("m"), writer.error(1, "t", "d")]
    frames.append(writer.stop())
    assert [frame.get("sequence_number") for frame in frames] == [None, *map(str, range(1, 8))]
    assert frames[0] == {"event": "connected", "version": "1.0.0"}
    assert frames[4]["occurred_at"] == "1970-01-01T00:00:00.000000Z"
    assert frames[-1]["stop"] == {"user_id": "u", "call_control_id": "c"}
