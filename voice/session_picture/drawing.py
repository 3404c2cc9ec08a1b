"""Draws a scene as SVG: lanes, bars, marks and ties, readable in light and dark and by a screen reader."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voice.session_picture import axis, marks, shapes, text
from voice.session_picture.marks import Mark
from voice.session_picture.scene import Lane, Scene

WIDTH, LEFT, RIGHT = 1000.0, 172.0, 976.0
TOP, ROW = 28.0, 44.0
_BAR, _HEIGHT = 12.0, 14.0  # from the top of a lane
_STRIPS = {"recording": 29.0, "speech": 34.0, "menu": 34.0, "assistant": 34.0}
_NEARER = (6.0, 14.0, 28.0, 56.0, 112.0)  # px: what is nearer is drawn as one, when there is too much
_LONGEST_NUMBER = 22
_WORDS = 50.0  # px between a tick and the middle of a broken stretch, at least


@dataclass(frozen=True)
class Rows:
    """Says where each lane lies."""

    top: dict[str, float]
    commands: float | None
    rooms: float | None
    height: float

    def of(self, mark: Mark) -> float | None:
        """Return the middle of the row that a mark stands on; None where that is not drawn."""
        if mark.is_command:
            return None if self.commands is None else self.commands + _BAR + _HEIGHT / 2
        if not mark.leg:
            return None if self.rooms is None else self.rooms + _BAR + _HEIGHT / 2
        return self.top[mark.leg] + _BAR + _HEIGHT / 2 if mark.leg in self.top else None


def svg(scene: Scene, title: str, description: str, *, name: str = "picture", is_file: bool = False) -> str:
    """Draw it. Within a page each mark leads to its entry; in a file of its own there is nothing to lead to."""
    line = axis.of(_moments(scene), LEFT, RIGHT)
    rows = _rows(scene)
    shown = _few(scene, line)
    parts = [
        *_ruler(line, rows),
        *_labels(scene, rows),
        *(part for lane in scene.lanes for part in _bar(lane, scene, line, rows.top[lane.letter])),
        *_strips(scene, line, rows),
        *_ties(scene, line, rows),
        *_gaps(scene, line, rows),
        *_marks(shown, line, rows, is_file=is_file),
    ]
    size = f'viewBox="0 0 {shapes.number(WIDTH)} {shapes.number(rows.height)}"'
    names = f'role="group" aria-labelledby="{name}-title" aria-describedby="{name}-desc"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" class="sp" {size} {names}>'
    told = f'<title id="{name}-title">{shapes.words(title)}</title>'
    told += f'<desc id="{name}-desc">{shapes.words(description)}</desc>'
    return f"{head}{told}<style>{shapes.STYLE}</style>{''.join(parts)}</svg>"


def drawn_marks(scene: Scene) -> int:
    """Count the marks that are drawn: of very many some are drawn as one."""
    return len(_few(scene, axis.of(_moments(scene), LEFT, RIGHT)))


def _moments(scene: Scene) -> list[float]:
    found = [0.0, scene.length, *(mark.at for mark in scene.marks)]
    for lane in scene.lanes:
        found += [at for at in (lane.begun, lane.answered, lane.ended) if at is not None]
    return found


def _rows(scene: Scene) -> Rows:
    at, commands, rooms = TOP, None, None
    if scene.has_commands:
        commands, at = at, at + ROW - 8
    top = {}
    for lane in scene.lanes:
        top[lane.letter], at = at, at + ROW
    if scene.has_rooms:
        rooms, at = at, at + ROW - 8
    return Rows(top, commands, rooms, at + (18 if scene.hidden else 4))


def _few(scene: Scene, line: axis.Axis) -> list[Mark]:
    """Draw near marks as one where there are too many, from nearer to farther, until they are few enough."""
    found = list(scene.marks)
    position = {mark.id: line.x(mark.at) for mark in found}
    for nearer in _NEARER if len(found) > marks.MOST else ():
        found = marks.merged(found, position, nearer)
        if len(found) <= marks.MOST // 2:  # as many as can be told apart
            break
    return found[: marks.MOST]


def _ruler(line: axis.Axis, rows: Rows) -> Iterator[str]:
    breaks = [(part.left + part.right) / 2 for part in line.breaks]
    for second, x in line.ticks():
        if any(abs(x - middle) < _WORDS for middle in breaks):  # there stands how long the silence was
            continue
        yield shapes.line(x, TOP - 6, x, rows.height - 4, "l")
        yield shapes.text(x, TOP - 12, text.clock(second), name="d", anchor="middle")
    for part in line.breaks:
        middle, y = (part.left + part.right) / 2, TOP - 8
        way = "".join("l3 6l-6 6l3 6" for _ in range(int((rows.height - y) // 18)))
        yield shapes.path(f"M{shapes.number(middle)} {shapes.number(y)}{way}", "z")
        yield shapes.text(middle, TOP - 14, text.length(part.end - part.begin), name="d", anchor="middle")


def _labels(scene: Scene, rows: Rows) -> Iterator[str]:
    if rows.commands is not None:
        yield shapes.text(30, rows.commands + _BAR + 11, "Our commands", name="d")
    for lane in scene.lanes:
        top = rows.top[lane.letter]
        yield f'<circle class="k" cx="14" cy="{shapes.number(top + 19)}" r="10"/>'
        yield shapes.text(14, top + 23, lane.letter, anchor="middle")
        yield shapes.text(30, top + 16, lane.role.capitalize())
        number = lane.number if len(lane.number) <= _LONGEST_NUMBER else f"{lane.number[: _LONGEST_NUMBER - 1]}…"
        yield shapes.text(30, top + 30, number, name="d")
    if rows.rooms is not None:
        yield shapes.text(30, rows.rooms + _BAR + 11, "Conference, queue", name="d")
    if scene.hidden:
        yield shapes.text(30, rows.height - 6, f"{scene.hidden} more legs are not drawn", name="d")


def _bar(lane: Lane, scene: Scene, line: axis.Axis, top: float) -> Iterator[str]:
    y = top + _BAR
    last = scene.length if lane.is_open or lane.ended is None else lane.ended
    begin, end = line.x(lane.begun), line.x(last)
    answered = None if lane.answered is None else min(line.x(lane.answered), end)
    if answered is None or answered > begin:
        until = end if answered is None else answered
        yield shapes.box(begin, y, until, _HEIGHT, "s", f"Leg {lane.letter}: set-up")
    if answered is not None:
        yield shapes.box(answered, y, end, _HEIGHT, "t", f"Leg {lane.letter}: answered")
    if not lane.is_open:
        who = text.PARTIES.get(lane.who, "nobody knows whom")
        shape = shapes.party(end + 10, y + _HEIGHT / 2, lane.who)
        yield f"<g><title>{shapes.words(f'Leg {lane.letter}: ended by {who}')}</title>{shape}</g>"


def _strips(scene: Scene, line: axis.Axis, rows: Rows) -> Iterator[str]:
    words = {
        "speech": "played or spoken",
        "menu": "keys asked for",
        "assistant": "assistant or stream",
        "hold": "on hold",
    }
    for strip in scene.strips:
        top, begin, end = rows.top[strip.leg], line.x(strip.begin), line.x(strip.end)
        told = f"Leg {strip.leg}: {words.get(strip.kind, strip.kind)}, {text.length(strip.end - strip.begin)}"
        if strip.kind in _STRIPS:
            yield shapes.box(begin, top + _STRIPS[strip.kind], end, 4, strip.kind, told)
        else:
            y = top + _BAR + _HEIGHT / 2
            over = shapes.line(begin, y, max(end, begin + 2), y, strip.kind)
            yield f"<g><title>{shapes.words(told)}</title>{over}</g>"


def _ties(scene: Scene, line: axis.Axis, rows: Rows) -> Iterator[str]:
    for tie in scene.ties:
        if tie.kind == "bridge":
            one, other = rows.top[tie.one] + _BAR + _HEIGHT, rows.top[tie.other] + _BAR
            for at in (tie.begin, tie.end):
                yield shapes.line(line.x(at), one, line.x(at), other, "y")
        elif rows.commands is not None:
            x, y = line.x(tie.end), rows.top[tie.other] + _BAR - 2
            sent = line.x(tie.begin)
            way = f"M{shapes.number(sent)} {shapes.number(rows.commands + _BAR + 14)}"
            way += f"Q{shapes.number(sent)} {shapes.number(y - 12)} {shapes.number(x)} {shapes.number(y)}"
            yield shapes.path(f"{way}m-5-4l5 4l3-6", "y")


def _gaps(scene: Scene, line: axis.Axis, rows: Rows) -> Iterator[str]:
    for gap in scene.gaps:
        begin, end, top = line.x(gap.begin), line.x(gap.end), rows.top[gap.leg]
        yield shapes.box(begin - 5, top + _BAR - 4, max(end, begin) + 5, _HEIGHT + 8, "f", f"{gap.sentence}.")


def _marks(shown: Sequence[Mark], line: axis.Axis, rows: Rows, *, is_file: bool) -> Iterator[str]:
    for mark in shown:
        if mark.is_command and mark.until is not None and mark.leg in rows.top and rows.commands is not None:
            y = rows.commands + _BAR + _HEIGHT / 2 + 5
            yield shapes.line(line.x(mark.at), y, line.x(mark.until), rows.top[mark.leg] + _BAR, "n")
    for mark in shown:
        middle = rows.of(mark)
        if middle is None:
            continue
        shape = (
            f"<title>{shapes.words(mark.sentence)}</title>{shapes.mark(line.x(mark.at), middle, mark.kind, mark.glyph)}"
        )
        yield f"<g>{shape}</g>" if is_file else f'<a href="#entry-{mark.id}">{shape}</a>'
