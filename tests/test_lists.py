"""Every list there is, on a seeded database: whatever it offers is answered from an index, whatever it is asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.test import Client
from rest_framework.test import APIClient

from benchmarks import seed
from portal.models import TelnyxAccount
from tests.badinput import rows
from tests.support import plans, walked_lists
from tests.support.databases import on_sqlite
from voice.models import Call

UNTIL = datetime(2026, 11, 28, tzinfo=UTC)
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(on_sqlite(), reason="needs DATABASE_URL (PostgreSQL): SQLite tells no buffers"),
]
REST = walked_lists.rest_lists()


@pytest.fixture(scope="module")
def big(django_db_setup: None, django_db_blocker: Any) -> Iterator[frozenset[str]]:
    """Some 200,000 rows, for all tests of this module; the names of the tables that are large."""
    with django_db_blocker.unblock():
        list(seed.fill(30_000, UNTIL))
        try:
            yield plans.big_tables()
        finally:
            seed.empty()


@pytest.fixture(scope="module")
def values(big: frozenset[str], django_db_blocker: Any) -> walked_lists.Values:
    with django_db_blocker.unblock():
        call = Call.objects.order_by("started_at")[1000]
    return walked_lists.Values(walked_lists.words_of(call), UNTIL, walked_lists.searches_of(call))


@pytest.mark.django_db
@pytest.mark.parametrize("model", walked_lists.admin_lists(), ids=lambda model: model._meta.label)
def test_every_list_of_the_admin_is_read_from_an_index(
    big: frozenset[str], values: walked_lists.Values, model: type[models.Model], browser: Client
) -> None:
    found = list(walked_lists.admin_addresses(browser, model, values))
    assert _wrong(big, walked_lists.walked_in_admin(browser, iter(found))) == []


@pytest.mark.django_db
@pytest.mark.parametrize("listed", REST, ids=lambda listed: listed.path)
def test_every_list_over_rest_is_read_from_an_index(
    big: frozenset[str], values: walked_lists.Values, listed: walked_lists.RestList, api: APIClient, operator: User
) -> None:
    path = listed.path
    if "{" in path:
        made = rows.one_of_each(TelnyxAccount.objects.get(name=seed.BUSY), operator)
        path = rows.address(path, made | {Call: Call.objects.exclude(events=None).order_by("started_at")[1000]})
    found = list(walked_lists.rest_addresses(listed, path, values))
    assert _wrong(big, walked_lists.walked_over_rest(api, iter(found))) == []


def _wrong(big: frozenset[str], walk: Iterator[tuple[str, int]]) -> list[str]:
    """Ask all there is to ask; what is wrong with it, by address."""
    wrong = []
    while True:
        with plans.explained(big) as told:
            address, status = next(walk, ("", 0))
        if not address:
            return wrong
        if status == 500:
            wrong.append(f"{address}: {status}")
        wrong += [f"{address}: {one}" for one in told.wrong]
