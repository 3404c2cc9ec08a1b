"""The street: one real portal for the tests that need its sockets."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.badinput.street import Street, open_street


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory, migrated: Path, django_db_blocker: object) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    with open_street(folder, migrated, django_db_blocker.unblock) as street:  # type: ignore[attr-defined]
        yield street
