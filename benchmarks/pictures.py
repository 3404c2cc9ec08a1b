"""P9: how long the picture of a session with 200 marks takes, and how large it is, against bare XML of as many."""

import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.figures import Figure, compared
from voice.calls.timeline import Entry
from voice.models import Call
from voice.session_picture import drawing, scene

ROUNDS, TIMES, MARKS = 5, 20, 200
BEGIN = datetime(2026, 11, 20, 14, 3, 7, tzinfo=UTC)


def run() -> Iterator[str | Figure]:
    """Figures."""
    legs, entries = _session()

    def ours() -> str:
        told = scene.read(legs, entries, {}, str, BEGIN + timedelta(hours=1))
        return drawing.svg(told, "Session", "Two hundred marks.")

    pairs = [(_ms(_bare), _ms(ours)) for _ in range(ROUNDS)]
    means = "how much later the page of a call comes for its picture"
    yield compared("P9", f"a picture of {MARKS} marks", "ms", pairs, means, at_most=30.0, of_ratio=False)
    size = len(ours().encode()) / 1000
    yield Figure("P9", f"its size with {MARKS} marks", "kB", size, "what it adds to the page", at_most=60.0)


def _session() -> tuple[list[tuple[str, Call]], list[Entry]]:
    call = Call(direction="incoming", state="ended", from_number="+13125550143", to_number="+13125550100")
    call.started_at, call.answered_at = BEGIN, BEGIN + timedelta(seconds=2)
    call.ended_at = BEGIN + timedelta(seconds=700)
    names = ("call.speak.started", "call.speak.ended", "call.dtmf.received", "call.gather.ended")
    entries = []
    for count in range(MARKS):
        at, name = BEGIN + timedelta(seconds=3 + 3.4 * count), names[count % len(names)]
        told = (f"{count:036}", at, 3.0, "A", "Speaking started", "by rule: Menu #4 · “Press 1 for sales”", "processed")
        entries.append(Entry("event", *told, name=name))
    return [("A", call)], entries


def _bare() -> str:
    root = ET.Element("svg")
    for count in range(MARKS):
        link = ET.SubElement(root, "a", href=f"#entry-{count:036}")
        ET.SubElement(link, "title").text = "3.000 s, Speaking started on leg A: by rule: Menu #4 · “Press 1 for sales”"
        ET.SubElement(link, "circle", cx=f"{count}", cy="20", r="3")
    return ET.tostring(root, encoding="unicode")


def _ms(draw: Callable[[], str]) -> float:
    begin = time.perf_counter()
    for _ in range(TIMES):
        draw()
    return (time.perf_counter() - begin) / TIMES * 1000
