"""The sandbox by plain HTTP."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from portal.sandbox.core.exchange import Exchange
from tests.support.polling import eventually


@dataclass
class Http:
    """Plain HTTP to a sandbox: for what the SDK would not send, and for the control addresses.

    ``exchange`` is the one whose calls go on while somebody waits.
    """

    port: int
    exchange: Exchange | None = None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, raw, {"Authorization": "Bearer KEY-of-the-tests"} | headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def ring(self, scenario: str = "answered", **more: Any) -> str:
        """Somebody calls; the call_control_id."""
        status, answer = self("POST", "/sandbox/calls", {"scenario": scenario} | more)
        assert status == 200, answer
        return answer["call_control_id"]

    def act(self, id: str, action: str, /, **body: Any) -> tuple[int, Any]:
        return self("POST", f"/v2/calls/{id}/actions/{action}", body)

    def dial(self, application: Any, to: str, **body: Any) -> str:
        """We call somebody; the call_control_id."""
        status, answer = self(
            "POST", "/v2/calls", {"connection_id": application.id, "from": "+13125550100", "to": to} | body
        )
        assert status == 200, answer
        return answer["data"]["call_control_id"]

    def end(self, call_control_id: str) -> dict[str, Any]:
        """The call once its whole session is over and everybody was told."""

        def over() -> Any:
            call = self("GET", f"/sandbox/calls/{call_control_id}")[1]
            return call if call["session_ended"] and not call["owed"] else None

        return eventually(over, "the end of the call", self.exchange)

    def ledger(self, kind: str) -> list[dict[str, Any]]:
        return self("GET", "/sandbox/ledger")[1][kind]

    def fault(self, fault: str, **more: Any) -> None:
        status, answer = self("POST", "/sandbox/faults", {"fault": fault} | more)
        assert status == 200, answer


def refused(answer: tuple[int, Any]) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer[0], answer[1]["errors"][0]["code"]


def refusal(answer: tuple[int, Any]) -> tuple[int, str, str | None]:
    """Status, code and pointer of a refusal, which must be whole."""
    status, body = answer
    (error,) = body["errors"]
    assert error["title"]
    assert error["detail"]
    assert error["meta"]["url"].endswith(error["code"])
    return status, error["code"], error.get("source", {}).get("pointer")
