"""Places moments on an axis of time: evenly, but for long silences, broken where they would crowd the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

BREAK = 40.0  # px of a broken stretch, at least
_LONG, _SHARE = 8.0, 0.12  # a silence longer than this many seconds and than this share of the whole may be broken
_CLOSE, _SAME = 10.0, 0.2  # px between two moments that are told apart, and seconds between them
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_APART = 64.0  # px between ticks
_FASTEST = 48.0  # px a second is drawn as, at most, beside a broken stretch


@dataclass(frozen=True)
class Stretch:
    """Holds a part of the axis: from ``begin`` to ``end`` in seconds, drawn from ``left`` to ``right``."""

    begin: float
    end: float
    left: float
    right: float
    is_broken: bool


@dataclass(frozen=True)
class Axis:
    """Holds the stretches of an axis, in order."""

    stretches: tuple[Stretch, ...]

    def x(self, second: float) -> float:
        """Return where ``second`` is drawn; what lies outside is drawn at the end that it is nearer to."""
        for part in self.stretches:
            if second <= part.end:
                share = (second - part.begin) / (part.end - part.begin) if part.end > part.begin else 0.0
                return part.left + max(share, 0.0) * (part.right - part.left)
        return self.stretches[-1].right

    @property
    def breaks(self) -> list[Stretch]:
        """List the broken stretches."""
        return [part for part in self.stretches if part.is_broken]

    def ticks(self) -> list[tuple[float, float]]:
        """List round seconds, and where they are drawn; none within a broken stretch."""
        found: list[tuple[float, float]] = []
        for part in self.stretches:
            width, length = part.right - part.left, part.end - part.begin
            if part.is_broken or length <= 0:
                continue
            step = next((one for one in _STEPS if one * width / length >= _APART), _STEPS[-1])
            first = -(-part.begin // step)
            for count in range(int(first), int(part.end // step) + 1):
                x = self.x(count * step)
                if not found or x - found[-1][1] >= _APART - 1:
                    found.append((round(count * step, 1), x))
        return found


def of(seconds: Iterable[float], left: float, right: float) -> Axis:
    """Lay out an axis for these moments. The longest silence is broken first, and no more than is needed."""
    moments = sorted(set(seconds)) or [0.0]
    if len(moments) == 1:
        moments.append(moments[0] + 1.0)
    parts = list(pairwise(moments))
    long = max(_LONG, _SHARE * (moments[-1] - moments[0]))
    candidates = sorted((part for part in parts if part[1] - part[0] > long), key=lambda part: part[0] - part[1])
    nearest = min((end - begin for begin, end in parts if end - begin >= _SAME), default=0.0)
    broken: set[tuple[float, float]] = set()
    for silence in candidates:
        if nearest * _scale(moments, broken, right - left) >= _CLOSE:
            break
        broken.add(silence)
    return Axis(tuple(_laid_out(parts, broken, moments, left, right)))


def _scale(moments: list[float], broken: set[tuple[float, float]], width: float) -> float:
    rest = moments[-1] - moments[0] - sum(end - begin for begin, end in broken)
    fitting = (width - BREAK * len(broken)) / rest if rest > 0 else _FASTEST
    return min(fitting, _FASTEST) if broken else fitting


def _laid_out(
    parts: list[tuple[float, float]], broken: set[tuple[float, float]], moments: list[float], left: float, right: float
) -> Iterable[Stretch]:
    scale = _scale(moments, broken, right - left)
    rest = moments[-1] - moments[0] - sum(end - begin for begin, end in broken)
    wide = (right - left - rest * scale) / len(broken) if broken else 0.0
    x, begun = left, moments[0]
    for begin, end in parts:
        if (begin, end) not in broken:
            continue
        if begin > begun:
            yield Stretch(begun, begin, x, x := x + (begin - begun) * scale, False)
        yield Stretch(begin, end, x, x := x + wide, True)
        begun = end
    if moments[-1] > begun or not broken:
        yield Stretch(begun, moments[-1], x, right, False)
