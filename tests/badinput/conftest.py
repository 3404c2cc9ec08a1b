"""The street: one real portal for the tests that need its sockets."""

from collections.abc import Iterator

import pytest

from tests.badinput.street import Street, open_street


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: object) -> Iterator[Street]:
    with open_street(tmp_path_factory.mktemp("street"), django_db_blocker.unblock) as street:  # type: ignore[attr-defined]
        yield street
