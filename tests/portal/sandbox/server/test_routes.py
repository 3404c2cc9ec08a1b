"""What is not there is not found."""

import pytest

from tests.support.sandbox_http import Http, refusal


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/nothing"),
        ("GET", "/v2/call_control_applications/1"),
        ("PATCH", "/v2/texml_applications/1"),
        ("DELETE", "/v2/call_control_applications/1"),
        ("GET", "/v2/calls/v3:unknown"),
        ("PUT", "/v2/calls"),
        ("GET", "/elsewhere"),
    ],
)
def test_what_is_not_there_is_404(http: Http, method: str, path: str) -> None:
    assert refusal(http(method, path))[:2] == (404, "10005")
