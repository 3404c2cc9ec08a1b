"""Thousands of small histories over the real functions: in none of them may an invariant break (docs/faults.md)."""

import os

import pytest
from django.db import connection

from tests.model.histories import first_broken, replay, shrink
from tests.model.world import Settings

LONG = os.environ.get("FAULTS") == "long"
NUMBER = int(os.environ.get("MODEL_HISTORIES", "2000" if LONG else "20"))
SEED = int(os.environ.get("MODEL_SEED", "0"))
STEPS = int(os.environ.get("MODEL_STEPS", "200"))


@pytest.mark.long
def test_no_history_breaks_an_invariant(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the model plays SQLite's clock; PostgreSQL is put through it in test_threads")
    found = first_broken(range(SEED, SEED + NUMBER), STEPS)
    if found is not None:
        one, wrong = found
        shorter = shrink(one, wrong)
        pytest.fail("\n".join([*wrong, "", shorter.script()]))


def test_a_limit_may_be_full_no_longer_when_a_refusal_by_it_is_told(db: None) -> None:
    """The last dial was refused rightly, and the others let one of the first three expire before it knew its wish."""
    if connection.vendor != "sqlite":
        pytest.skip("the model plays SQLite's clock")
    others = (("wait", 31), ("sweep", 500), ("attempt", 0, "silent", 0.1, ()), ("settle", 0))
    steps = [("dial", 2, False), ("dial", 0, False), ("dial", 2, False), ("amid", 1, ("dial", 0, False), others)]
    replay(Settings(seed=165, concurrent_calls=3), steps)
