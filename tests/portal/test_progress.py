"""What takes long tells how far it is."""

from io import StringIO

import pytest

from portal.progress import Bar
from tests.support.clock import Clock


def test_without_a_terminal_a_bar_speaks_only_after_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stream(StringIO):
        def write(self, text: str, ending: str = "") -> int:
            return super().write(text + ending)

    clock = Clock()
    monkeypatch.setattr("portal.progress.time", clock)
    stream = Stream()
    bar = Bar(stream, "sandbox")
    bar.update(1, 4)
    assert stream.getvalue() == ""
    clock.now += 2
    bar.update(2, 4)
    bar.update(3, 4)
    bar.close()
    assert stream.getvalue() == "sandbox [###############...............] 2 of 4\n"
