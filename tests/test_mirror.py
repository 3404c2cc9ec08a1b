"""Each module has the test file of its name: ``voice/calls/status.py`` has ``tests/voice/calls/test_status.py``."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.support.mirror_core import CORE
from tests.support.mirror_voice import VOICE

ROOT = Path(__file__).resolve().parent.parent
# Commands are tested with the rooms they are a door of
NO_MODULES = {"migrations", "management"}


def modules(root: Path, *apps: str) -> dict[str, Path]:
    """The modules of ``apps`` by dotted name, each with the path that its test file should have."""
    found = {}
    for app in apps:
        for path in sorted((root / app).rglob("*.py")):
            here = path.relative_to(root)
            if path.name != "__init__.py" and not NO_MODULES & set(here.parts):
                name = ".".join(here.with_suffix("").parts)
                found[name] = root / "tests" / here.with_name(f"test_{path.name}")
    return found


def without_a_test(found: dict[str, Path], listed: dict[str, str]) -> list[str]:
    """Modules that have no test file of their name and stand in no list."""
    return [
        name
        for name, test in found.items()
        if not test.exists() and not any(fnmatchcase(name, pattern) for pattern in listed)
    ]


def outdated(found: dict[str, Path], listed: dict[str, str]) -> list[str]:
    """Lines of the list that name no module any more, or one that has its test file."""
    named = {pattern: [name for name in found if fnmatchcase(name, pattern)] for pattern in listed}
    return [pattern for pattern, names in named.items() if not names or any(found[name].exists() for name in names)]


@pytest.mark.parametrize(
    ("apps", "listed"), [(["voice"], VOICE), (["portal", "applications"], CORE)], ids=["voice", "core"]
)
def test_each_module_has_its_test_file_or_stands_in_the_list(apps: list[str], listed: dict[str, str]) -> None:
    found = modules(ROOT, *apps)
    assert len(found) > 50
    assert without_a_test(found, listed) == []
    assert outdated(found, listed) == []
    assert all(len(reason) > 20 for reason in listed.values())


# --- The check itself sees what it is there for ----------------------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    def make(*paths: str) -> dict[str, Path]:
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
        return modules(tmp_path, "voice", "portal")

    return make


WHOLE = (
    "voice/__init__.py",
    "voice/calls/__init__.py",
    "voice/calls/status.py",
    "voice/migrations/0001_initial.py",
    "voice/management/commands/sweep.py",
    "voice/models/calls.py",
    "tests/voice/calls/test_status.py",
    "tests/voice/test_sweep.py",
)
LISTED = {"voice.models.*": "rows"}


def test_a_tree_with_all_its_tests_passes(made: Callable[..., dict[str, Path]]) -> None:
    found = made(*WHOLE)
    assert sorted(found) == ["voice.calls.status", "voice.models.calls"]
    assert (without_a_test(found, LISTED), outdated(found, LISTED)) == ([], [])


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ("voice/urls.py", "voice.urls"),
        ("portal/models.py", "portal.models"),
        ("voice/calls/models/calls.py", "voice.calls.models.calls"),
        ("voice/calls/search.py", "voice.calls.search"),
        ("voice/flows/status.py", "voice.flows.status"),  # the test of another room is not its test
    ],
)
def test_a_module_without_its_test_file_is_named(made: Callable[..., dict[str, Path]], more: str, name: str) -> None:
    assert without_a_test(made(*WHOLE, more), LISTED) == [name]


@pytest.mark.parametrize(
    ("more", "listed"),
    [
        ("voice/urls.py", "voice.gone"),
        ("voice/urls.py", "voice.gone.*"),
        ("voice/urls.py", "voice.calls.status"),
        ("tests/voice/models/test_calls.py", "voice.models.*"),
    ],
)
def test_a_line_of_the_list_that_is_not_true_any_more_is_named(
    made: Callable[..., dict[str, Path]], more: str, listed: str
) -> None:
    assert outdated(made(*WHOLE, more), LISTED | {listed: "because"}) == [listed]
