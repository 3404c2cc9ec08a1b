"""Applications made at the sandbox, by the official SDK and by plain HTTP."""

from typing import Any
from urllib.parse import quote

import telnyx

from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Receiver

CALL_CONTROL = "/v2/call_control_applications"


def make_application(sdk: telnyx.Telnyx, receiver: Receiver, **more: Any) -> Any:
    defaults = {"application_name": "tests", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
    return sdk.call_control_applications.create(**defaults | more).data


def make_named(http: Http, *names: str, **more: Any) -> list[str]:
    """Call Control applications of these names; their ids."""
    bodies = [{"application_name": name, "webhook_event_url": "https://example.com"} | more for name in names]
    return [http("POST", CALL_CONTROL, body)[1]["data"]["id"] for body in bodies]


def listed_names(http: Http, query: str = "") -> list[str]:
    status, answer = http("GET", f"{CALL_CONTROL}?{quote(query, safe='=&')}")
    assert status == 200, answer
    return [one["application_name"] for one in answer["data"]]
