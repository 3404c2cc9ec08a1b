"""The server listens on this machine, to whoever has a key and sends JSON."""

import pytest

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http, refusal


@pytest.mark.parametrize("header", ["", "KEY1", "Bearer other", "Basic KEY1", "Bearer "])
def test_a_key_that_is_none_is_401(http: Http, header: str) -> None:
    answer = http("GET", "/v2/call_control_applications", Authorization=header)
    assert refusal(answer)[:2] == (401, "10009")


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff"])
def test_a_body_that_is_no_json_object_is_400(http: Http, body: bytes) -> None:
    assert refusal(http("POST", "/v2/calls", body))[:2] == (400, "10015")


def test_the_server_listens_on_the_loopback_address_only(sandbox: Sandbox) -> None:
    assert sandbox.base_url.startswith("http://127.0.0.1:")
    assert sandbox._server.server_address[0] == "127.0.0.1"
