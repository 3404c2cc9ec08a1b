"""Fifteen threads on PostgreSQL: no deadlock, no error, no lost row, and calls as one process would have made them."""

import os
import time

import pytest
from django.db import connection

from tests.model.mutants import MUTANTS_OF_THREADS
from tests.model.threads import play_by_threads

LONG = os.environ.get("FAULTS") == "long"
SECONDS = float(os.environ.get("MODEL_SECONDS", "300"))
SEED = int(os.environ.get("MODEL_SEED", "0"))
SHORT, STEPS = 1, 40  # rounds, and steps of each thread
WITHIN = 20  # rounds
pytestmark = [pytest.mark.long, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("the threads meet in PostgreSQL")


def test_threads_break_no_invariant() -> None:
    until, seed = time.monotonic() + SECONDS, SEED
    while seed < SEED + SHORT or (LONG and time.monotonic() < until):
        assert play_by_threads(seed, STEPS) == [], f"MODEL_SEED={seed}"
        seed += 1


@pytest.mark.skipif(not LONG, reason="FAULTS=long")
@pytest.mark.parametrize("guard", MUTANTS_OF_THREADS)
def test_a_guard_that_is_off_is_found(monkeypatch: pytest.MonkeyPatch, guard: str) -> None:
    for edit in MUTANTS_OF_THREADS[guard]:
        edit.apply(monkeypatch)
    assert any(play_by_threads(seed, STEPS) for seed in range(WITHIN))
