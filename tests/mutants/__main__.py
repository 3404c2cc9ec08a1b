"""``make mutants``: changes one thing at a time in the rooms that hold promises, and prints what no test notices."""

import argparse
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.mutants.drawing import MOST_SECONDS, Drawn, Mutant, Selection, draw
from tests.mutants.guards import GUARDS
from tests.mutants.outcomes import Kept
from tests.mutants.recording import read
from tests.mutants.rooms import ROOMS, ROOT
from tests.mutants.trials import Outcome, Trials, summary

# servers and browsers are slow, and what they run is in other processes
_NOT_RUN = ("tests/faults", "tests/browser", "tests/mutants", "tests/portal/sandbox")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--number", type=int, default=300, help="how many are drawn (N)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (SEED)")
    parser.add_argument("--room", action="append", help="only in this room or module (ROOM)")
    parser.add_argument("--guards", help="instead the guards that are listed; or those with this word (GUARDS)")
    parser.add_argument("--again", nargs="*", default=[], help="instead these, as they were printed: module:number")
    parser.add_argument("--seconds", type=float, default=MOST_SECONDS, help="of tests that one of them may take")
    parser.add_argument("--tests", action="append", help="only test files below this path are noted and run (TESTS)")
    parser.add_argument("--as-noted", action="store_true", help="note nothing anew of test files that changed")
    given = parser.parse_args()
    os.environ |= {"DATABASE_URL": "", "CELERY_BROKER_URL": ""}  # on SQLite each fork has a copy of the database
    mutants: list[Mutant]
    if given.again:
        mutants = [Drawn(*_split(one)) for one in given.again]
    elif given.guards:
        mutants = [guard for name, guard in GUARDS.items() if given.guards in {"yes", *name.split()}]
    else:
        mutants = [*draw(given.number, given.seed, tuple(given.room or ROOMS))]
    selection = Selection(_noted(tuple(given.tests or ["tests/"]), anew=not given.as_noted), given.seconds)
    kept = Kept(selection)
    outcomes: list[Outcome] = []

    def tell(outcome: Outcome) -> None:
        outcomes.append(outcome)
        print(f"\n{outcome}", flush=True)

    def tell_and_keep(outcome: Outcome) -> None:
        tell(outcome)
        kept.keep(outcome)

    if not (given.again or given.guards):  # they are looked at once more
        for outcome in filter(None, map(kept.find, mutants)):
            tell(outcome)
        done = {outcome.mutant for outcome in outcomes}
        mutants = [mutant for mutant in mutants if mutant not in done]
    files = sorted({test.partition("::")[0] for mutant in mutants for test in selection.of(mutant)})
    if mutants:
        pytest.main(["-q", "-s", "-p", "no:xdist", *files], plugins=[Trials(mutants, selection, tell_and_keep)])
    print(f"\n{summary(outcomes)}")


def _split(one: str) -> tuple[str, int]:
    module, _, number = one.partition(":")
    return module, int(number)


def _noted(below: tuple[str, ...], *, anew: bool) -> list[dict[str, Any]]:
    """Read what was noted of the test files ``below``; ``anew``: after it was noted again of those that changed."""
    files = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    files = [file for file in files if file.startswith(below) and not file.startswith(_NOT_RUN)]
    stale = [file for file in files if read(file) is None]
    if stale and anew:
        print(f"Noting which lines {len(stale)} test files run …", flush=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "tests.mutants.recording", *stale]
        subprocess.run(command, cwd=ROOT, check=False)
    return [noted for file in files if (noted := read(file))]


main()
