"""What ran for a while has a strip as long as it ran."""

from tests.support.sessions import BEGIN, command, event
from voice.calls.timeline import Entry
from voice.session_picture import strips


def found(*entries: Entry, end: float = 60) -> list[tuple[str, float, float]]:
    told = sorted(entries, key=lambda entry: entry.at)
    return [(strip.kind, strip.begin, strip.end) for strip in strips.read(told, {"A": end}, BEGIN)]


def test_speech_holds_queues_and_assistants_go_from_their_event_to_its_end() -> None:
    for kind, begin, end in (
        ("speech", "call.speak.started", "call.speak.ended"),
        ("speech", "call.playback.started", "call.playback.ended"),
        ("hold", "call.hold", "call.unhold"),
        ("queue", "call.enqueued", "call.dequeued"),
        ("assistant", "call.conversation.created", "call.conversation.ended"),
    ):
        assert found(event(begin, 5), event(end, 9), event(begin, 20), event(end, 21)) == [(kind, 5, 9), (kind, 20, 21)]


def test_a_menu_begins_with_its_command() -> None:
    assert found(command("gather_using_speak", 4), event("call.gather.ended", 11)) == [("menu", 4, 11)]
    assert found(command("gather_using_speak", 4, status="refused"), event("call.gather.ended", 11)) == []


def test_a_recording_is_as_long_as_its_event_says_else_from_command_to_event() -> None:
    assert found(event("call.recording.saved", 50, began=10)) == [("recording", 10, 50)]
    assert found(command("start_recording", 4), event("call.recording.saved", 50)) == [("recording", 4, 50)]


def test_what_never_ended_ends_with_its_leg_and_nothing_lasts_longer() -> None:
    assert found(event("call.hold", 5), end=30) == [("hold", 5, 30)]
    assert found(command("start_recording", 4), event("call.recording.saved", 35), end=30) == [("recording", 4, 30)]


def test_what_is_on_no_drawn_leg_has_none() -> None:
    assert found(event("call.hold", 5, "B"), event("call.unhold", 6, "B")) == []
