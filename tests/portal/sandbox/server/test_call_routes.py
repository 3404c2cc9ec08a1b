"""An address of a call that Telnyx has not is not found."""

from typing import Any

from tests.support.sandbox_http import Http


def test_an_action_that_telnyx_has_not_is_404(http: Http, application: Any) -> None:
    status, body = http.act(http.ring(), "levitate")
    assert status == 404
    assert "levitate" in body["errors"][0]["detail"]
