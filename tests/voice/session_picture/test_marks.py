"""Marks: a kind each, a sentence each, and one for many where they would cover each other."""

from tests.support.sessions import BEGIN, command, event
from voice.session_picture import marks


def kinds(*entries: object) -> list[str]:
    return [mark.kind for mark in marks.read(entries, BEGIN)]  # type: ignore[arg-type]


def test_commands_differ_by_what_became_of_them() -> None:
    statuses = ("ok", "sending", "queued", "refused", "expired", "uncertain")
    told = kinds(*(command("speak", 1, status=status) for status in statuses))
    assert told == ["sent", "sent", "waiting", "refused", "undone", "uncertain"]


def test_events_differ_by_what_they_tell() -> None:
    names = ("call.initiated", "call.hangup", "call.dtmf.received", "call.machine.detection.ended", "call.cost")
    assert kinds(*(event(name, 1) for name in names)) == ["step", "end", "key", "machine", "cost"]
    assert kinds(event("call.recording.error", 1), event("call.answered", 1, status="dead")) == ["problem", "problem"]
    assert kinds(event("call.levitated", 1)) == ["event"]
    assert kinds(event("texml.call.completed", 1)) == ["end"]


def test_a_sentence_tells_when_what_where_and_what_answered() -> None:
    answered = event("call.answered", 0.75)
    sent, _ = marks.read([command("answer", 0.5, answer=answered), answered], BEGIN)
    assert sent.sentence == "0.500 s, Answer (ok) on leg A: by rule: Menu #4; answered after 0.2 s"
    assert sent.until == 0.75


def test_a_key_shows_what_its_viewer_may_see_of_it() -> None:
    shown, hidden = marks.read(
        [event("call.dtmf.received", 1, detail="digit 5"), event("call.dtmf.received", 2, detail="digit •")], BEGIN
    )
    assert (shown.glyph, hidden.glyph) == ("5", "•")


def test_near_marks_of_one_kind_and_lane_are_one_and_say_how_many() -> None:
    told = marks.read([event("call.dtmf.received", second, detail="digit 1") for second in (1, 2, 3, 30)], BEGIN)
    far, near = {mark.id: mark.at for mark in told}, marks.merged(told, {mark.id: mark.at for mark in told}, 6)
    assert len(far) == 4
    assert [mark.count for mark in near] == [3, 1]
    assert near[0].sentence.startswith("3 keys, the first: 1.000 s, Key pressed")
    assert near[0].glyph == ""


def test_marks_of_other_lanes_and_kinds_stay_apart() -> None:
    told = marks.read(
        [event("call.hold", 1), event("call.hold", 1, "B"), command("speak", 1), event("call.cost", 1)], BEGIN
    )
    assert len(marks.merged(told, {mark.id: 0.0 for mark in told}, 6)) == 4
