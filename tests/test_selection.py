"""The lane on real servers runs what asks a database: who does is marked by itself."""

import pytest


def test_who_asks_by_a_fixture_is_marked(db: None, request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("database")


@pytest.mark.django_db
def test_who_asks_by_a_mark_is_marked(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("database")


def test_who_asks_through_another_fixture_is_marked(browser: object, request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("database")


def test_who_does_not_ask_is_not_marked(request: pytest.FixtureRequest) -> None:
    assert not request.node.get_closest_marker("database")
