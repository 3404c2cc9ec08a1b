"""Thousands of small histories over the real functions: in none of them may an invariant break (docs/faults.md)."""

import os

import pytest
from django.db import connection

from tests.model.histories import first_broken, replay, shrink
from tests.model.world import Settings, Step

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


def test_the_leg_of_a_transfer_that_was_sent_again_may_stand_for_another_one_to_that_number(db: None) -> None:
    """Of the first transfer nobody knows whether it happened, of the second a person said that it did not."""
    if connection.vendor != "sqlite":
        pytest.skip("the model plays SQLite's clock")
    lost: list[Step] = [("wait", 55), ("sweep", 500)]
    steps: list[Step] = [("wish", 3, 13, False), ("send", -1, "silent"), *lost, ("wish", 3, 13, False)]
    steps += [("send", -1, "lost"), *lost, ("decide", 1, "send_again"), *(("dial", n, False) for n in range(3))]
    replay(Settings(seed=1464, concurrent_calls=5, record_has_ids=False, repeats_in_record=False), steps)


@pytest.mark.parametrize("step", [("suspend", "account"), ("lift",)])
def test_no_batch_is_left_behind_wherever_whoever_suspends_or_lifts_is_killed(db: None, step: Step) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the model plays SQLite's clock")
    before: list[Step] = [("make_batch", 3)] if step[0] == "suspend" else [("make_batch", 3), ("suspend", "account")]
    for statement in range(12):
        replay(Settings(seed=1), [*before, ("dies", statement, step), ("settle_batches",)])


def test_a_line_that_was_put_off_while_it_was_suspended_may_be_too_late_when_that_is_lifted(db: None) -> None:
    """It says what held it back, too; nobody had looked after it for longer than a dial makes sense."""
    if connection.vendor != "sqlite":
        pytest.skip("the model plays SQLite's clock")
    steps: list[Step] = [("make_batch", 3), ("dies", 7, ("suspend", "application")), ("sweep", 500), ("wait", 35)]
    replay(Settings(seed=143, concurrent_calls=3, record_has_ids=False), steps)
