"""A conference of two callers."""

import pytest

from tests.support.sandbox_conferences import act_in
from tests.support.sandbox_http import Http


@pytest.fixture
def conference(http: Http, answered: str) -> str:
    """A conference of one caller; its id."""
    status, answer = http("POST", "/v2/conferences", {"call_control_id": answered, "name": "daily"})
    assert status == 200, answer
    return answer["data"]["id"]


@pytest.fixture
def second(http: Http, conference: str) -> str:
    """A second caller, in the conference."""
    id = http.ring("transferred")
    http.act(id, "answer")
    assert act_in(http, conference, "join", call_control_id=id)[0] == 200
    return id
