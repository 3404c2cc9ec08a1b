"""A mutant of a toy module that a test notices is told so; one that none notices is printed."""

import json
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest

from tests.mutants import drawing, outcomes, recording
from tests.mutants.drawing import Drawn, Edit, Selection, draw
from tests.mutants.guards import GUARDS
from tests.mutants.outcomes import Kept
from tests.mutants.rooms import ROOT, modules
from tests.mutants.trials import Outcome, functions

TOY, CHECKS = "tests/mutants/toy.py", "tests/mutants/toy_checks.py"
CHILD, ENTERED = f"{CHECKS}::test_a_child_may_not", f"{CHECKS}::test_who_is_grown_up_may"
VOTED = f"{CHECKS}::test_who_is_as_old_as_that_may_not_vote"
# In a process of its own, as with ``make mutants``: it records, and it forks
RUN = f"""
import json, sys
from pathlib import Path
import pytest
from tests.mutants import rooms
rooms.ALSO_NOTED, rooms.CACHE = ("tests/mutants",), Path(sys.argv[1])
from tests.mutants import recording, trials
from tests.mutants.drawing import Edit, Selection
quiet = ["-q", "-s", "-p", "no:xdist", "{CHECKS}"]
pytest.main(quiet, plugins=[recording.Recording()])
selection = Selection([recording.read("{CHECKS}")])
edits = [Edit("{TOY}", was, now) for was, now in json.loads(sys.argv[2])]
told = []
pytest.main(quiet, plugins=[trials.Trials(edits, selection, told.append)])
print(json.dumps([[outcome.by, bool(outcome.how), outcome.tests] for outcome in told]))
print(json.dumps(trials.summary(told)))
"""


def test_what_a_test_notices_and_what_none_does(tmp_path: Path) -> None:
    edits = [
        ("age >= 18", "age > 18"),
        ("18 and is_known", "18 and (is_known or True)"),
        ("word.lower()", "word.strip()"),
        ('"grown-up", "adult"', '"grown-up"'),  # counts when the module is imported
        ('"grown-up", "adult"', '"adult"'),
        ("asked > age", "asked >= age"),  # that function is made when the module is imported
    ]
    command = [sys.executable, "-c", RUN, str(tmp_path), json.dumps(edits)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told, summary = (json.loads(line) for line in done.stdout.splitlines()[-2:])
    assert told == [
        [CHILD, True, 1],
        ["", False, 1],
        ["", False, 1],
        [ENTERED, True, 1],
        ["", False, 1],
        [VOTED, True, 1],
    ]
    assert summary.startswith("3 of 6 were noticed")
    assert [f"+ {now}\n" in f"{summary}\n" for _, now in edits] == [False, True, True, False, True, False]


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What was noted of a test file that runs one module."""
    monkeypatch.setattr(recording, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(recording, "ROOT", tmp_path)
    for name in ("test_a.py", "a.py"):
        (tmp_path / name).write_text("a = 1")
    (tmp_path / "cache").mkdir()
    hashes = {name: recording.digest(name) for name in ("test_a.py", "a.py")}
    (tmp_path / "cache" / "test_a.py.json").write_text(json.dumps({"hashes": hashes}))
    return tmp_path


@pytest.mark.parametrize("name", ["test_a.py", "a.py"])
def test_what_was_noted_counts_until_the_test_or_what_it_runs_changes(noted: Path, name: str) -> None:
    assert recording.read("test_a.py") is not None
    (noted / name).write_text("a = 2")
    assert recording.read("test_a.py") is None


def test_of_a_test_file_that_never_ran_nothing_is_noted(noted: Path) -> None:
    assert recording.read("test_b.py") is None


@pytest.mark.parametrize("how", ["AssertionError", ""])
def test_an_outcome_is_kept_until_its_module_or_a_test_of_it_changes(
    noted: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(outcomes, "CACHE", noted / "cache")
    monkeypatch.setattr(drawing, "ROOT", noted)
    mutant, selection = Edit("a.py", "1", "2"), Selection([])
    monkeypatch.setattr(selection, "of", lambda one: tests)
    tests, outcome = ["test_a.py::test_x"], Outcome(mutant, 1, "test_a.py::test_x" if how else "", how)
    assert Kept(selection).find(mutant) is None
    Kept(selection).keep(outcome)
    assert Kept(selection).find(mutant) == outcome
    for name in ("a.py", "test_a.py"):
        was = (noted / name).read_text()
        (noted / name).write_text("a = 1  # changed")
        assert Kept(selection).find(mutant) is None
        (noted / name).write_text(was)
    tests.append("test_b.py::test_y")
    assert bool(Kept(selection).find(mutant)) is bool(how)  # what none noticed, another one may


def test_the_nearest_and_quickest_tests_come_first() -> None:
    lines = {"voice/dispatch/sender.py": [60]}
    tests = {
        "tests/a.py::far": 1,
        "tests/voice/dispatch/test_x.py::near": 9,
        "tests/voice/dispatch/test_sender.py::own": 99,
    }
    recorded = {"outside": {}, "tests": {test: {"seconds": cost, "lines": lines} for test, cost in tests.items()}}
    edit = Edit("voice/dispatch/sender.py", "return []  # another process finds it due", "return [command_id]")
    selection = Selection([recorded])
    line = edit.lines[0]
    selection.tests[edit.module] = {line: set(tests)}  # type: ignore[assignment]
    assert [test.rpartition("::")[2] for test in selection.of(edit)] == ["own", "near", "far"]


def test_functions_are_found_beside_a_reference_to_what_is_gone() -> None:
    class Gone:
        """Nobody holds it."""

    lost = weakref.proxy(Gone())
    assert any(Path(path).name == "trials.py" for path, _ in functions()), type(lost)


def test_what_counts_at_import_may_be_read_by_any_test_beside_it() -> None:
    own, other = (f"tests/voice/catalogue/test_{name}.py::test_a" for name in ("retry_policy", "forms"))
    recorded = {"outside": {}, "tests": {test: {"seconds": 1, "lines": {}} for test in (own, other)}}
    edit = Edit("voice/catalogue/retry_policy.py", "_LOOKS_AFTER = (5, 30", "_LOOKS_AFTER = (6, 30")
    assert Selection([recorded]).of(edit) == [own]


def test_a_seed_draws_the_same_again() -> None:
    rooms = ("voice/dispatch", "voice/dialling/limits")
    assert draw(5, 1, rooms) == draw(5, 1, rooms) != draw(5, 2, rooms)
    assert all(isinstance(one, Drawn) and str(one) for one in draw(5, 1, rooms))


@pytest.mark.parametrize("name", GUARDS)
def test_each_guard_stands_where_its_edit_looks_for_it(name: str) -> None:
    assert GUARDS[name].changed


def test_every_room_is_there() -> None:
    assert len(list(modules())) > 80
