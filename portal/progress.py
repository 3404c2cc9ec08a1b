"""Draws a progress bar for people who wait at a command line, on its own stream: what is piped on stays clean."""

import time
from typing import Any

PATIENCE_SECONDS = 2.0  # what ends sooner says nothing, unless a terminal looks on
_WIDTH = 30


class Bar:
    """Draws one line anew on a terminal each time it is told how far it is, else writes one every two seconds."""

    def __init__(self, stream: Any, what: str) -> None:
        self._stream, self._what = stream, what
        self._is_terminal = bool(getattr(stream, "isatty", lambda: False)())
        self._last = time.monotonic() - (PATIENCE_SECONDS if self._is_terminal else 0)
        self._drawn = False

    def update(self, done: int, total: int | None) -> None:
        pause = 0.1 if self._is_terminal else PATIENCE_SECONDS
        if time.monotonic() - self._last >= pause:
            self._last, self._drawn = time.monotonic(), True
            self._write(("\r" if self._is_terminal else "") + self._line(done, total))

    def close(self) -> None:
        """Clear the line."""
        if self._drawn and self._is_terminal:
            self._write("\r\x1b[K")

    def _line(self, done: int, total: int | None) -> str:
        if not total:
            return f"{self._what}: {done}"
        full = _WIDTH * min(done, total) // total
        return f"{self._what} [{'#' * full}{'.' * (_WIDTH - full)}] {done} of {total}"

    def _write(self, text: str) -> None:
        self._stream.write(text, ending="" if self._is_terminal else "\n")
        self._stream.flush()
