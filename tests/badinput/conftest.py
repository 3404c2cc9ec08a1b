"""The street: one real portal for all tests of a run that need its sockets. And how long Hypothesis looks."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.badinput.street import Street, open_street

# "ci" is the same each time; "long" looks elsewhere each time, and a failure prints how to see it again
settings.register_profile("ci", max_examples=100, derandomize=True, deadline=None, database=None)
settings.register_profile("long", max_examples=10_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: object) -> Iterator[Street]:
    with open_street(tmp_path_factory.mktemp("street"), django_db_blocker.unblock) as street:  # type: ignore[attr-defined]
        yield street
