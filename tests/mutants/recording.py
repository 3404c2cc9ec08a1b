"""A plugin for pytest that notes which lines of the rooms each test runs, and how long it takes.

One file for each test file, in ``rooms.CACHE``: what was noted is kept until that file, or one that it ran, changes.
"""

import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.mutants.rooms import ALSO_NOTED, CACHE, ROOMS, ROOT

OUTSIDE = "outside"  # what ran when modules were imported, not in a test


class Recording:
    """Notes from when it is made."""

    def __init__(self) -> None:
        self.coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[f"{ROOT}/{room}/*" for room in (*ROOMS, *ALSO_NOTED)]
        )
        self.coverage.start()
        self.seconds: dict[str, float] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        self.coverage.switch_context(item.nodeid)
        begin = time.perf_counter()
        done = yield
        self.seconds[item.nodeid] = round(time.perf_counter() - begin, 3)
        self.coverage.switch_context(OUTSIDE)
        if nextitem is None or nextitem.path != item.path:
            self._write(str(item.path.relative_to(ROOT)))
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome != "passed":
            self.failed.add(report.nodeid)

    def _write(self, file: str) -> None:
        data = self.coverage.get_data()
        data.set_query_contexts([f"^{re.escape(file)}::", f"^({OUTSIDE})?$"])
        tests: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for measured in data.measured_files():
            module = str(Path(measured).relative_to(ROOT))
            for line, contexts in sorted(data.contexts_by_lineno(measured).items()):
                for context in contexts:
                    tests[context or OUTSIDE].setdefault(module, []).append(line)
        outside = tests.pop(OUTSIDE, {})
        ran = {module for lines in tests.values() for module in lines}
        noted = {
            "hashes": {name: digest(name) for name in sorted({file, *ran})},
            "tests": {
                test: {"seconds": self.seconds[test], "lines": lines}
                for test, lines in tests.items()
                if test in self.seconds and test not in self.failed
            },
            "outside": {module: outside[module] for module in outside},
        }
        _place(file).parent.mkdir(parents=True, exist_ok=True)
        _place(file).write_text(json.dumps(noted))


def digest(name: str) -> str:
    path = ROOT / name
    return sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


def _place(file: str) -> Path:
    return CACHE / f"{file.replace('/', '.')}.json"


def read(file: str) -> dict[str, Any] | None:
    """Read what was noted of a test file; None when it is not true any more."""
    if not _place(file).exists():
        return None
    noted: dict[str, Any] = json.loads(_place(file).read_text())
    return noted if all(digest(name) == was for name, was in noted["hashes"].items()) else None


def pytest_configure(config: pytest.Config) -> None:
    if begun:
        config.pluginmanager.register(begun, "recording")


# by ``-p``: before Django and the rooms are imported
begun = Recording() if "tests.mutants.recording" in sys.argv else None
