"""Only this machine asks the sandbox, and controls it."""

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http, refusal
from tests.support.sandbox_ledger import requests

APPLICATION = {"application_name": "a", "webhook_event_url": "https://example.com"}


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_another_site_cannot_control_the_sandbox(http: Http, headers: dict[str, str]) -> None:
    assert refusal(http("POST", "/sandbox/reset", {}, **headers))[:2] == (403, "10010")


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_site_cannot_use_it_as_telnyx(
    http: Http, sandbox: Sandbox, method: str, headers: dict[str, str]
) -> None:
    """Under a name of its own that leads to 127.0.0.1 a page is no stranger to the browser."""
    body = APPLICATION if method == "POST" else None
    assert refusal(http(method, "/v2/call_control_applications", body, **headers))[:2] == (403, "10010")
    assert requests(sandbox) == []
    assert http("GET", "/v2/call_control_applications")[1]["data"] == []


@pytest.mark.parametrize("host", ["localhost:8001", "127.0.0.1", "[::1]:8001"])
def test_this_machine_controls_it_by_any_of_its_names(http: Http, sandbox: Sandbox, host: str) -> None:
    assert http("GET", "/sandbox/ready", Host=host) == (200, {"ready": True, "public_key": sandbox.public_key})


def test_calling_needs_a_scenario_and_an_application(http: Http) -> None:
    assert refusal(http("POST", "/sandbox/calls", {"scenario": "nope"})) == (422, "10015", "/scenario")
    assert refusal(http("POST", "/sandbox/calls", {"scenario": "ivr"}))[0] == 404
    for name in ("a", "b"):
        http("POST", "/v2/call_control_applications", APPLICATION | {"application_name": name})
    assert refusal(http("POST", "/sandbox/calls", {"scenario": "ivr"})) == (422, "10015", "/connection_id")


@pytest.mark.usefixtures("application")
def test_reset_is_as_new(http: Http, sdk: telnyx.Telnyx, sandbox: Sandbox) -> None:
    id, key = http.ring(), sandbox.public_key
    http.fault("cut", path="/calls")
    assert http("POST", "/sandbox/reset", {})[0] == 200
    assert http("GET", f"/v2/calls/{id}")[0] == 404
    assert list(sdk.call_control_applications.list()) == []
    assert http.ledger("deliveries") == []
    assert sandbox.public_key == key
