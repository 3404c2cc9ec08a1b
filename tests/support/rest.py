"""A REST client with a token, and the problems that it is answered with."""

import json
from typing import Any

from django.contrib.auth.models import User
from rest_framework.test import APIClient

from portal.models import ApiToken

CALLS, EVENTS, COMMANDS = "/api/v1/calls/", "/api/v1/call-events/", "/api/v1/commands/"
FLOWS = "/api/v1/flows/"


def api_for(user: User, *scopes: str) -> APIClient:
    _, text = ApiToken.make(user, "tests", list(scopes))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def problem(response, status: int, code: str = "") -> dict:
    """The body of a problem, which must be whole and of this status."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert {"type", "title", "status", "code", "request_id"} <= set(body)
    assert (body["status"], body["request_id"]) == (status, response["X-Request-ID"])
    if code:
        assert body["code"] == code
    return body


def of_call(call: Any, *more: str) -> str:
    """The address of a call, or of what is below it. It names the account: the neighbour has a call of the same id."""
    return CALLS + "/".join([call.call_control_id, *more, ""]) + f"?account={call.account.name}"


def send(api: APIClient, url: str, body: Any = None, **headers: str) -> Any:
    return api.post(url, {} if body is None else body, format="json", headers=headers)
