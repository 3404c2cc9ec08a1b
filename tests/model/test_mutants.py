"""Each guard of the table, switched off alone, is found within 200 histories of 200 steps."""

import os
from collections.abc import Callable

import pytest
from django.db import connection

from tests.model.histories import RAISED, first_broken
from tests.model.mutants import MUTANTS

LONG = os.environ.get("FAULTS") == "long"
WITHIN, STEPS = 200, 200
QUICK = {  # found by one of the first few: so the bounded lane sees the edits go on fitting, and the model go on biting
    *("the signature check", "the lease of commands"),
}


@pytest.mark.long
@pytest.mark.parametrize("guard", [name for name in MUTANTS if LONG or name in QUICK])
def test_a_guard_that_is_off_is_found(
    db: None, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None], guard: str
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the model plays SQLite's clock")
    for edit in MUTANTS[guard]:
        edit.apply(monkeypatch)
    found = first_broken(range(WITHIN), STEPS)
    assert found is not None
    assert not found[1][0].startswith(RAISED), found[1]  # an edit that does not fit switches nothing off
    record_property(guard, f"seed {found[0].settings.seed}: {found[1][0]}")  # with --junit-xml


@pytest.mark.parametrize("guard", MUTANTS)
def test_the_edits_still_fit(monkeypatch: pytest.MonkeyPatch, guard: str) -> None:
    for edit in MUTANTS[guard]:
        edit.apply(monkeypatch)
