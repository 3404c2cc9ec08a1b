"""TeXML at the sandbox: an application, requests to an account, and the forms that come of them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import telnyx

from portal.sandbox.resources.audit import ORGANIZATION
from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from tests.support.webhook_receiver import Hook, Receiver

FORM = "application/x-www-form-urlencoded"
FROM, TO = "+13125550100", "+13125550101"


def make_texml_application(sdk: telnyx.Telnyx, receiver: Receiver, **more: Any) -> Any:
    """One whose document lies at ``/voice`` and whose progress is told to ``/status``."""
    defaults = {
        "friendly_name": "tests",
        "voice_url": f"{receiver.origin}/voice",
        "status_callback": f"{receiver.origin}/status",
    }
    return sdk.texml_applications.create(**defaults | more).data


@dataclass
class Account:
    """Requests below ``/texml/Accounts/{account_sid}``, as JSON or as a form."""

    http: Http
    application: Any
    sid: str = ORGANIZATION

    def __call__(self, method: str, path: str, body: Any = None, query: str = "") -> tuple[int, Any]:
        return self.http(method, self.path(path) + (f"?{query}" if query else ""), body)

    def form(self, path: str, body: Any) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else urlencode(body, doseq=True).encode()
        return self.http("POST", self.path(path), raw, **{"Content-Type": FORM})

    def path(self, path: str) -> str:
        return f"/v2/texml/Accounts/{self.sid}/{quote(path)}"

    def dial(self, to: str = TO, **more: Any) -> str:
        """We call somebody; the call's sid."""
        body = {"From": FROM, "To": to, "ApplicationSid": self.application.id} | more
        status, answer = self("POST", "Calls", body)
        assert status == 200, answer
        return answer["call_sid"]

    def participant(self, conference: str, to: str = TO, **more: Any) -> dict[str, Any]:
        """We call somebody into a conference, by its id or its name."""
        body = {"From": FROM, "To": to, "ApplicationSid": self.application.id} | more
        status, answer = self("POST", f"Conferences/{conference}/Participants", body)
        assert status == 200, answer
        return answer

    def ring(self, scenario: str = "transferred", **more: Any) -> str:
        """Somebody calls; the call's sid."""
        return self.http.ring(scenario, connection_id=self.application.id, **more)


def forms(receiver: Receiver, **fields: str) -> list[Hook]:
    """The hooks with these fields, in the order in which they came."""
    return [hook for hook in receiver.hooks if fields.items() <= hook.body.items()]


def wait_form(receiver: Receiver, **fields: str) -> dict[str, str]:
    """The first hook with these fields."""
    return eventually(lambda: forms(receiver, **fields), str(fields), receiver.exchange)[0].body


def at(receiver: Receiver, path: str) -> list[dict[str, str]]:
    """The forms that came to a path, in order; of those by GET the query."""
    hooks = [hook for hook in receiver.hooks if hook.path.partition("?")[0] == path]
    return [hook.body or dict(parse_qsl(hook.path.partition("?")[2])) for hook in hooks]


def ran(account: Account, sid: str) -> list[str]:
    """What the documents of a call did, in the words of the ledger."""
    return [line["line"] for line in account.http.ledger("documents") if line["call_control_id"] == sid]
