"""A process that ends writes what its requests left behind, and does not stay for a database that is away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The pause is an hour: what comes within it is written because the process ends, or not at all.
PROGRAM = """
import sys, threading
from portal.write_behind import WriteBehind

class Lines(WriteBehind):
    def __init__(self):
        super().__init__("lines", 3600, 3600)
        self.lines, self.resting = [], threading.Event()
    def put(self, line):
        with self._lock:
            self.lines.append(line)
        self.start()
    def flush(self):
        with self._lock:
            lines, self.lines = self.lines, []
        with open(sys.argv[1], "a") as file:
            file.write("".join(lines) + ";")
        return sys.argv[2] == "there"
    def _waits(self):
        return bool(self.lines)
    def _rest(self, seconds):
        self.resting.set()
        super()._rest(seconds)

lines = Lines()
lines.put("first")
assert lines.resting.wait(60)
lines.put("within the pause")
"""


@pytest.mark.parametrize("database", ["there", "away"])
def test_what_came_within_the_pause_is_written_at_the_end(tmp_path: Path, database: str) -> None:
    file = tmp_path / "lines"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    program = [sys.executable, "-c", PROGRAM, str(file), database]
    subprocess.run(program, cwd=ROOT, env=environment, check=True, timeout=120)
    assert file.read_text() == "first;within the pause;"


def test_one_that_had_nothing_to_write_ends_at_once(tmp_path: Path) -> None:
    program = PROGRAM.partition('lines.put("first")')[0]
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "lines"), "there"], cwd=ROOT, check=True, timeout=120)
    assert not (tmp_path / "lines").exists()
