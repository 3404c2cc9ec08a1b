"""How documents are run is decided for the whole sandbox, until a reset."""

import pytest

from tests.support.sandbox_http import Http, refusal


def test_strict_holds_until_a_reset(http: Http) -> None:
    assert http("POST", "/sandbox/documents", {"strict": True}) == (200, {"strict": True})
    assert http("POST", "/sandbox/documents", {"strict": False}) == (200, {"strict": False})


@pytest.mark.parametrize("body", [{}, {"strict": "yes"}, {"strict": 1}])
def test_nothing_else_is_taken(http: Http, body: dict[str, object]) -> None:
    assert refusal(http("POST", "/sandbox/documents", body)) == (422, "10015", "/strict")


def test_more_than_that_is_named(http: Http) -> None:
    assert refusal(http("POST", "/sandbox/documents", {"strict": True, "more": 1})) == (422, "10015", "/more")
