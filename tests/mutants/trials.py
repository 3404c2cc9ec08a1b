"""A plugin for pytest that tries mutants, each in a fork of a process that has all tests and its database.

In the fork the changed function gets its new code, and the tests that run the changed line are run until one fails.
What counts when a module is imported is tried in a process of its own (``planting``).
"""

import ast
import gc
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from _pytest.runner import runtestprotocol
from django.db import connection

from portal.telnyx.sdk import telnyx
from tests.mutants.changes import Scope
from tests.mutants.drawing import Mutant, Selection
from tests.mutants.rooms import ROOT

PATIENCE = 60.0  # seconds that a test may take beside twenty times what it took when it was recorded
_ON_ITS_OWN = {"running_sandbox", "live_server", "street", "transactional_db"}


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: the test that noticed it and how, both empty when none did."""

    mutant: Mutant
    tests: int
    by: str = ""
    how: str = ""

    def __str__(self) -> str:
        what = " ".join(f"{self.by}: {self.how}".split()) if self.how else f"NOT NOTICED by {self.tests} tests"
        return f"{self.mutant}\n  {what}"


def summary(outcomes: Sequence[Outcome]) -> str:
    """Tell how many were noticed, and each that was not."""
    left = [str(outcome.mutant) for outcome in outcomes if not outcome.how]
    return "\n".join([f"{len(outcomes) - len(left)} of {len(outcomes)} were noticed. Not these:", *left])


class Trials:
    """Stands in for the loop in which pytest runs its tests; ``tell`` is called with each outcome."""

    def __init__(self, mutants: Sequence[Mutant], selection: Selection, tell: Callable[[Outcome], None]) -> None:
        self.mutants, self.selection, self.tell = mutants, selection, tell
        self.items: dict[str, pytest.Item] = {}
        self.functions: dict[tuple[str, Scope | None], list[FunctionType]] = {}
        self.is_sound: dict[str, bool] = {}  # whether a test that noticed something passes when nothing is changed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        telnyx()  # takes seconds to import, and most forks ask for it
        for item in session.items:  # what a session has once, the database above all, is there before the first fork
            names = set(getattr(item, "fixturenames", ()))
            if "db" in names and not names & _ON_ITS_OWN:
                runtestprotocol(item, nextitem=session, log=False)  # type: ignore[arg-type]  # it stays open
                break
        connection.close()
        self.functions = functions()
        gc.freeze()  # no fork looks through what all of them share
        for mutant in self.mutants:
            self.tell(self._try(mutant))
        return True

    def _try(self, mutant: Mutant) -> Outcome:
        tests = [test for test in self.selection.of(mutant) if test in self.items and self.is_sound.get(test, True)]
        count, run = len(tests), self._planted if self.selection.counts_at_import(mutant) else self._forked
        while tests:
            noticed = run(tests, mutant)
            if noticed is None:
                break
            if noticed == _UNFIT:
                run = self._planted
                continue
            test, how = noticed
            if test in tests and test not in self.is_sound:
                self.is_sound[test] = self._forked([test], None) is None
            if self.is_sound.get(test, True):
                return Outcome(mutant, count, test, how)
            tests.remove(test)
        return Outcome(mutant, count)

    def _forked(self, tests: list[str], mutant: Mutant | None) -> tuple[str, str] | None:
        """Run ``tests`` in a fork; return the first that fails, and how."""
        hear, say = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if not child:
            self._in_the_fork([self.items[test] for test in tests], mutant, say)
        os.close(say)
        with os.fdopen(hear) as heard:
            running = ""
            while select.select([heard], [], [], PATIENCE + 20 * self.selection.seconds.get(running, 0))[0]:
                line = heard.readline()
                if not line:
                    os.waitpid(child, 0)
                    return (running, "the process ended") if running != _DONE else None
                said = json.loads(line)
                if isinstance(said, list):
                    os.waitpid(child, 0)
                    return said[0], said[1]
                running = said
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return running, "it takes too long"

    def _in_the_fork(self, items: list[pytest.Item], mutant: Mutant | None, say: int) -> None:
        def tell(what: object) -> None:
            os.write(say, f"{json.dumps(what)}\n".encode())

        try:
            os.setpgid(0, 0)
            _take_a_database_of_its_own()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            if mutant and not give_code(mutant, self.functions.get((mutant.module, mutant.scope), [])):
                tell(_UNFIT)
                return
            for item, following in zip(items, [*items[1:], items[0].session], strict=True):
                tell(item.nodeid)
                for report in runtestprotocol(item, nextitem=following, log=False):
                    if report.failed:
                        tell([item.nodeid, getattr(getattr(report.longrepr, "reprcrash", None), "message", "")[:100]])
                        return
            tell(_DONE)
        finally:
            os._exit(0)

    def _planted(self, tests: list[str], mutant: Mutant) -> tuple[str, str] | None:
        """Run ``tests`` in a process of its own, in which the change is there from the first import."""
        changed = {"module": mutant.module, "changed": ast.unparse(mutant.changed), "tests": tests}
        files = sorted({test.partition("::")[0] for test in tests})
        command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:xdist", "-p", "tests.mutants.planting"]
        command += ["--reuse-db", *files]
        bound = PATIENCE + 20 * sum(self.selection.seconds.get(test, 0) for test in tests)
        with tempfile.TemporaryDirectory() as var:  # with a database of its own
            if (template := Path(connection.settings_dict["NAME"])).exists():
                shutil.copy(template, var)
            told = Path(var, "mutant.json")
            told.write_text(json.dumps(changed))
            environment = os.environ | {"MUTANT": str(told), "PORTAL_VAR_DIR": var}
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            with subprocess.Popen(command, cwd=ROOT, env=environment, process_group=0, **quiet) as process:
                try:
                    code = process.wait(timeout=bound)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    return "", "it takes too long"
            if (failed := told.with_suffix(".failed")).exists():
                test, how = json.loads(failed.read_text())
                return test, how
        return ("", "it cannot be imported") if code else None


_UNFIT = ("", "unfit")  # said by a fork in which no such function is, or one of another form
_DONE = "done"


def _take_a_database_of_its_own() -> None:
    template = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = f"{template}-of-a-fork"
    for file in Path(template).parent.glob(f"{Path(template).name}-of-a-fork*"):
        file.unlink()
    if Path(template).exists():
        shutil.copy(template, connection.settings_dict["NAME"])


def functions() -> dict[tuple[str, Scope | None], list[FunctionType]]:
    """Find the functions of the portal that are there, by module and scope."""
    found: dict[tuple[str, Scope | None], list[FunctionType]] = defaultdict(list)
    is_frozen = bool(gc.get_freeze_count())
    gc.unfreeze()  # what is frozen is not listed
    objects = gc.get_objects()
    if is_frozen:
        gc.freeze()
    for one in objects:
        # ``isinstance`` would ask a weak reference for the class of what is gone by now
        if type(one) is FunctionType and (path := one.__code__.co_filename).startswith(f"{ROOT}/"):
            scope = one.__code__.co_qualname, one.__code__.co_firstlineno
            found[path.removeprefix(f"{ROOT}/"), scope].append(one)
    return found


def give_code(mutant: Mutant, there: list[FunctionType]) -> bool:
    """Give the changed code to the functions; False when there are none, or it takes other variables."""
    compiled = compile(mutant.changed, str(ROOT / mutant.module), "exec")
    new = next((code for code in _codes(compiled) if (code.co_qualname, code.co_firstlineno) == mutant.scope), None)
    if new is None or not there or any(one.__code__.co_freevars != new.co_freevars for one in there):
        return False
    for function in there:
        function.__code__ = new
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)
