"""TeXML's operations as REST takes them, and a Telnyx that answers them."""

import inspect
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support import samples
from tests.support.accounts import make_account
from tests.support.commands import made_uncertain
from tests.support.factories import run_owed
from tests.support.http_servers import Listener, answer, serving
from tests.support.polling import eventually
from tests.support.rows import CallCommand, CallEvent
from voice.catalogue.texml_operations import COMMANDS, READS
from voice.commands import outbox
from voice.dispatch import sender

SID, CALL, ROOM, QUEUE = "org-1", "v3:a-leg", "6dc6cc1a-1ba1-4351-86b8-4c22c95cd98f", "support"
URL = "/api/v1/texml/"
DIAL = {"To": "+13125550001", "From": "+13125550100", "ApplicationSid": "1293384261075731499"}
ROWS = ("calls", "conferences", "participants", "queues", "recordings", "transcriptions")
_ACCOUNT = f"/v2/texml/Accounts/{SID}"
_TWO = f"conferences/{ROOM}/participants/{CALL}/"
# by operation what REST is asked, and what is to reach the wire
ASKED: dict[str, tuple[str, str, str, str]] = {
    "texml.calls.list": ("get", "calls/", "GET", f"{_ACCOUNT}/Calls"),
    "texml.calls.retrieve": ("get", f"calls/{CALL}/", "GET", f"{_ACCOUNT}/Calls/{CALL}"),
    "texml.calls.recordings": ("get", f"calls/{CALL}/recordings/", "GET", f"{_ACCOUNT}/Calls/{CALL}/Recordings.json"),
    "texml.conferences.list": ("get", "conferences/", "GET", f"{_ACCOUNT}/Conferences"),
    "texml.conferences.retrieve": ("get", f"conferences/{ROOM}/", "GET", f"{_ACCOUNT}/Conferences/{ROOM}"),
    "texml.conferences.recordings": (
        *("get", f"conferences/{ROOM}/recordings/"),
        *("GET", f"{_ACCOUNT}/Conferences/{ROOM}/Recordings"),
    ),
    "texml.conferences.recordings_json": (
        *("get", f"conferences/{ROOM}/recordings/?listing=json"),
        *("GET", f"{_ACCOUNT}/Conferences/{ROOM}/Recordings.json"),
    ),
    "texml.participants.list": (
        *("get", f"conferences/{ROOM}/participants/"),
        *("GET", f"{_ACCOUNT}/Conferences/{ROOM}/Participants"),
    ),
    "texml.participants.retrieve": ("get", _TWO, "GET", f"{_ACCOUNT}/Conferences/{ROOM}/Participants/{CALL}"),
    "texml.queues.list": ("get", "queues/", "GET", f"{_ACCOUNT}/Queues"),
    "texml.queues.retrieve": ("get", f"queues/{QUEUE}/", "GET", f"{_ACCOUNT}/Queues/{QUEUE}"),
    "texml.recordings.list": ("get", "recordings/", "GET", f"{_ACCOUNT}/Recordings.json"),
    "texml.recordings.retrieve": ("get", "recordings/rec-1/", "GET", f"{_ACCOUNT}/Recordings/rec-1.json"),
    "texml.transcriptions.list": ("get", "transcriptions/", "GET", f"{_ACCOUNT}/Transcriptions.json"),
    "texml.transcriptions.retrieve": ("get", "transcriptions/tra-1/", "GET", f"{_ACCOUNT}/Transcriptions/tra-1.json"),
    "texml.calls.dial": ("post", "calls/", "POST", f"{_ACCOUNT}/Calls"),
    "texml.calls.create": ("post", "calls/", "POST", "/v2/texml/calls/app-1"),
    "texml.ai_calls.create": ("post", "ai-calls/", "POST", "/v2/texml/ai_calls/app-1"),
    "texml.calls.hang_up": ("patch", f"calls/{CALL}/", "POST", f"{_ACCOUNT}/Calls/{CALL}"),
    "texml.calls.redirect": ("patch", f"calls/{CALL}/", "POST", f"{_ACCOUNT}/Calls/{CALL}"),
    "texml.calls.record": ("post", f"calls/{CALL}/recordings/", "POST", f"{_ACCOUNT}/Calls/{CALL}/Recordings.json"),
    "texml.calls.update_recording": (
        *("patch", f"calls/{CALL}/recordings/rec-1/"),
        *("POST", f"{_ACCOUNT}/Calls/{CALL}/Recordings/rec-1.json"),
    ),
    "texml.calls.start_siprec": ("post", f"calls/{CALL}/siprec/", "POST", f"{_ACCOUNT}/Calls/{CALL}/Siprec.json"),
    "texml.calls.stop_siprec": (
        *("patch", f"calls/{CALL}/siprec/sip-1/"),
        *("POST", f"{_ACCOUNT}/Calls/{CALL}/Siprec/sip-1.json"),
    ),
    "texml.calls.start_stream": ("post", f"calls/{CALL}/streams/", "POST", f"{_ACCOUNT}/Calls/{CALL}/Streams.json"),
    "texml.calls.stop_stream": (
        *("patch", f"calls/{CALL}/streams/str-1/"),
        *("POST", f"{_ACCOUNT}/Calls/{CALL}/Streams/str-1.json"),
    ),
    "texml.conferences.end": ("patch", f"conferences/{ROOM}/", "POST", f"{_ACCOUNT}/Conferences/{ROOM}"),
    "texml.conferences.announce": ("patch", f"conferences/{ROOM}/", "POST", f"{_ACCOUNT}/Conferences/{ROOM}"),
    "texml.participants.dial": (
        *("post", f"conferences/{ROOM}/participants/"),
        *("POST", f"{_ACCOUNT}/Conferences/{ROOM}/Participants"),
    ),
    "texml.participants.update": ("patch", _TWO, "POST", f"{_ACCOUNT}/Conferences/{ROOM}/Participants/{CALL}"),
    "texml.participants.announce": ("patch", _TWO, "POST", f"{_ACCOUNT}/Conferences/{ROOM}/Participants/{CALL}"),
    "texml.participants.remove": ("delete", _TWO, "DELETE", f"{_ACCOUNT}/Conferences/{ROOM}/Participants/{CALL}"),
    "texml.queues.create": ("post", "queues/", "POST", f"{_ACCOUNT}/Queues"),
    "texml.queues.update": ("patch", f"queues/{QUEUE}/", "POST", f"{_ACCOUNT}/Queues/{QUEUE}"),
    "texml.queues.delete": ("delete", f"queues/{QUEUE}/", "DELETE", f"{_ACCOUNT}/Queues/{QUEUE}"),
    "texml.recordings.delete": ("delete", "recordings/rec-1/", "DELETE", f"{_ACCOUNT}/Recordings/rec-1.json"),
    "texml.transcriptions.delete": (
        *("delete", "transcriptions/tra-1/"),
        *("DELETE", f"{_ACCOUNT}/Transcriptions/tra-1.json"),
    ),
    "texml.secrets.save": ("post", "secrets/", "POST", "/v2/texml/secrets"),
}
# what goes together, where everything does not
_INSTEAD: dict[str, dict[str, Any]] = {
    "texml.calls.hang_up": {"Status": "completed", "Url": None, "Texml": None},
    "texml.calls.redirect": {"Status": None, "Texml": None},
    "texml.calls.dial": {"Texml": None},
    "texml.calls.create": {"Texml": None},
    "texml.conferences.end": {"Status": "completed", "AnnounceUrl": None, "AnnounceMethod": None},
    "texml.conferences.announce": {"Status": None},
    "texml.participants.update": {"AnnounceUrl": None},
}


def methods_of(resource: Any, prefix: str) -> set[str]:
    """The methods of a resource of the SDK's client, and of all below it."""
    found: set[str] = set()
    for name in dir(type(resource)):
        if name.startswith("_") or name in {"with_raw_response", "with_streaming_response"}:
            continue
        member = inspect.getattr_static(type(resource), name)
        if inspect.isfunction(member):
            found.add(f"{prefix}.{name}")
        else:
            found |= methods_of(getattr(resource, name), f"{prefix}.{name}")
    return found


def everything(name: str) -> dict[str, Any]:
    """Every parameter of a command that Telnyx takes together."""
    operation = COMMANDS[name]
    given = {one.name: samples.sample(operation.sdk_method, one) for one in operation.parameters()}
    return {key: value for key, value in (given | _INSTEAD.get(name, {})).items() if value is not None}


def wired(url: str, name: str = "wired", **columns: Any) -> TelnyxAccount:
    """An account whose SID is known."""
    account = make_account(name, f"{url}/v2")
    TelnyxAccount.objects.filter(pk=account.pk).update(**{"account_sid": SID} | columns)
    account.refresh_from_db()
    return account


def ask_rest(api: Any, name: str, given: dict[str, Any] | None = None) -> Any:
    """Ask REST for the operation; a dial by its application's id has that beside its parameters."""
    verb, path, _, _ = ASKED[name]
    if name in READS:
        return api.get(URL + path)
    beside = {"connection_id": "app-1"} if "connection_id" in COMMANDS[name].ids else {}
    return getattr(api, verb)(URL + path, {**(given or {}), **beside}, format="json")


def parts(raw: bytes) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path, query and body of a request."""
    head, _, body = raw.partition(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
    address = urlsplit(target)
    return method, unquote(address.path), dict(parse_qsl(address.query)), body


@contextmanager
def telnyx_texml(says: Callable[[str, str], Any] | None = None) -> Iterator[Listener]:
    """Answers every operation. ``says`` may give another answer (JSON, or whole bytes) to a method and path."""
    heard: list[Listener] = []

    def behave(connection: socket.socket) -> None:
        method, path, _, _ = parts(heard[0].requests[-1])
        said = says(method, path) if says else None
        if isinstance(said, bytes):
            connection.sendall(said)
        elif method == "DELETE":
            connection.sendall(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        else:
            told = {"sid": "sid-1", "call_sid": "v3:new", "status": "queued", **{name: [] for name in ROWS}}
            connection.sendall(answer("200 OK", json.dumps(told if said is None else said).encode()))

    with serving(behave) as listener:
        heard.append(listener)
        yield listener


def send_only() -> CallCommand:
    """Send the only command, once."""
    command = CallCommand.objects.get()
    CallCommand.objects.filter(pk=command.pk).update(lease_until=None)
    sender.send(command.pk)
    return CallCommand.objects.get(pk=command.pk)


def of_call(account: TelnyxAccount, action: str, path: list[str], values: dict[str, Any]) -> CallCommand:
    return made_uncertain(outbox.place(account, action, values, PORTAL, path=path))


def heard(sandbox: Sandbox, **fields: str) -> CallEvent:
    """The callback came and was processed."""
    where = {f"payload__{name}": value for name, value in fields.items()}
    eventually(lambda: CallEvent.objects.filter(**where).exists(), str(fields), sandbox.exchange)
    run_owed()
    return CallEvent.objects.filter(**where).latest("received_at")
