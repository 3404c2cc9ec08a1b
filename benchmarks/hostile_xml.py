"""Must hold: XML that no document needs is refused in under 50 ms; the floor is expat, reading the largest allowed."""

import statistics
import time
from collections.abc import Callable, Iterator
from xml.parsers import expat

from portal.texml.judging.linter import lint
from portal.texml.tree import LARGEST
from tests.support.hostile_xml import HOSTILE

ROUNDS = 15
_ELEMENT = "<Say>Hello</Say>"
_LARGEST = f"<Response>{_ELEMENT * 1900}{' ' * (LARGEST - 24 - 1900 * len(_ELEMENT))}</Response>"


def run() -> Iterator[str]:
    """Lines to print."""
    floor = _ms(lambda: expat.ParserCreate().Parse(_LARGEST, True))
    refused = {name: _ms(lambda source=source: lint(source)) for name, (source, _) in HOSTILE.items()}  # type: ignore[misc]
    slowest = max(refused, key=lambda name: refused[name])
    longest = refused[slowest]
    yield f"slowest of {len(refused)}: {slowest}, {longest:.1f} ms, ratio {longest / floor:.1f} (goal below 50 ms)"
    judged = _ms(lambda: lint(_LARGEST))
    yield f"the largest document that is taken: {floor:.1f} → {judged:.1f} ms, ratio {judged / floor:.1f}"


def _ms(work: Callable[[], object]) -> float:
    """The middle of some measures, in ms."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000
