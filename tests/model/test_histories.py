"""Thousands of small histories over the real functions: in none of them may an invariant break (docs/faults.md)."""

import os

import pytest
from django.db import connection

from tests.model.histories import first_broken, shrink

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
