"""Tells a session's picture as text: for whoever cannot see it, and for a ticket."""

from collections.abc import Iterator

from voice.session_picture.marks import Mark
from voice.session_picture.scene import Lane, Scene

PARTIES = {
    "caller": "the caller",
    "callee": "the called party",
    "us": "us",
    "telnyx": "Telnyx",
    "carrier": "a carrier",
    "nobody": "nobody",
}


def length(seconds: float) -> str:
    """Word a length: ``0.4 s``, ``58 s``, ``12 min 40 s``, ``1 h 02 min``."""
    if seconds < 10 and round(seconds, 1) != round(seconds):
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left:02} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def clock(seconds: float) -> str:
    """Write a moment on the axis: ``0:05``, ``1:02:05``; a fraction only where there is one."""
    sign, seconds = ("−" if seconds < 0 else ""), abs(seconds)
    whole, rest = int(seconds), round(seconds % 1, 1)
    minutes, left = divmod(whole, 60)
    hours, left_minutes = divmod(minutes, 60)
    text = f"{hours}:{left_minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
    return f"{sign}{text}{f'{rest:.1f}'[1:] if 0 < rest < 1 else ''}"


def of_lane(lane: Lane) -> str:
    """Tell one leg in a sentence."""
    told = f"Leg {lane.letter}, {lane.role} {lane.number}".rstrip() + f": began at {clock(lane.begun)}"
    told += f", answered at {clock(lane.answered)}" if lane.answered is not None else ", not answered"
    if lane.is_open:
        return f"{told}, on the line."
    if lane.ended is None:
        return f"{told}, its end is not known."
    return f"{told}, ended at {clock(lane.ended)} by {PARTIES.get(lane.who, 'nobody knows whom')}."


def what_is_not_there(scene: Scene) -> list[str]:
    """Say what was never told, and what of the session is not drawn."""
    told = [f"{f'Leg {gap.leg}: ' if len(scene.letters) > 1 else ''}{gap.sentence}." for gap in scene.gaps]
    if scene.hidden:
        told.append(f"{scene.hidden} more legs are not drawn.")
    return [*told, *(f"{one}." for one in scene.cut)]


def lines(scene: Scene) -> Iterator[str]:
    """Tell all of it, line by line."""
    for lane in scene.lanes:
        yield of_lane(lane)
    yield from what_is_not_there(scene)
    yield ""
    yield from (_line(mark) for mark in sorted(scene.marks, key=lambda mark: mark.at))


def _line(mark: Mark) -> str:
    return f"{'command' if mark.is_command else 'event':8}{mark.sentence}"
