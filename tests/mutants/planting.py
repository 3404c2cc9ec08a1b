"""A plugin for pytest that imports one module with a change in it, and runs the tests it is told, in that order.

``MUTANT`` names a file with the module, its changed source and the tests; what failed is written beside it.
"""

import importlib.machinery
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.rooms import ROOT

_TOLD = Path(os.environ["MUTANT"])
_READ = json.loads(_TOLD.read_text())
_CHANGED = str(ROOT / _READ["module"])
_load = importlib.machinery.SourceFileLoader.get_code


def _get_code(loader: Any, name: str) -> Any:
    if loader.path != _CHANGED:
        return _load(loader, name)
    return compile(_READ["changed"], _CHANGED, "exec")


importlib.machinery.SourceFileLoader.get_code = _get_code  # type: ignore[method-assign]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {test: at for at, test in enumerate(_READ["tests"])}
    items[:] = sorted((item for item in items if item.nodeid in order), key=lambda item: order[item.nodeid])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        _TOLD.with_suffix(".failed").write_text(json.dumps([report.nodeid, getattr(crash, "message", "")[:100]]))
