"""Events of one conference as Telnyx sends them, its row, and a Telnyx that is asked about it."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from django.utils import timezone

from portal.models import TelnyxAccount
from portal.sandbox.core.exchange import Exchange
from tests.support.factories import CONNECTION, make_event, run_owed
from tests.support.html_forms import typed
from tests.support.http_servers import Listener, answer, serving
from tests.support.polling import eventually
from tests.support.rows import CallCommand, CallEvent, Conference
from voice.catalogue import retry_policy
from voice.dispatch import sender

ROOM = "428c31b6-abf3-3bc1-b7f4-5013ef9657c1"
SAID = {"creator_call_session_id": "428c31b6-7af4-4bcb-b7f5-5013ef9657c1"}
TOLD = {
    "id": ROOM,
    "name": "standup",
    "status": "in_progress",
    "connection_id": CONNECTION,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:05:05Z",
}
PERSON = {"call_control_id": "v3:a-leg", "muted": True, "on_hold": False, "status": "joined"}


def room_event(event_type: str, seconds: float, leg: str = "a", **payload: Any) -> dict[str, Any]:
    """As Telnyx sends it: only joined and left tell their time in the envelope; without a leg no call is named."""
    event = make_event(event_type, seconds, leg or "a", conference_id=ROOM, **payload)
    if not event_type.startswith("conference.participant."):
        event["data"]["payload"]["occurred_at"] = event["data"].pop("occurred_at")
    if not leg:
        for name in ("call_control_id", "call_leg_id", "call_session_id", "from", "to", "client_state"):
            del event["data"]["payload"][name]
    return event


def story() -> list[dict[str, Any]]:
    return [
        room_event("conference.created", -60),
        room_event("conference.participant.joined", -59),
        room_event("conference.participant.joined", -50, "b"),
        room_event("conference.playback.started", -40, "", **SAID),
        room_event("conference.participant.left", -30, "b"),
        room_event("conference.participant.joined", -20, "b"),
        room_event("conference.participant.left", -11),
        room_event("conference.ended", -10, reason="all_left"),
    ]


@contextmanager
def telnyx(**answers: Any) -> Iterator[Listener]:
    """Somebody who answers by the last word of the path; a list is a page of rows, a number an error's status.

    Everything below TeXML's addresses is answered with ``texml``, which stands in no ``data`` there.
    """

    def behave(connection: socket.socket) -> None:
        path = listener.requests[-1].split(b" ")[1].decode().split("?")[0]
        told = answers.get(re.sub(r"\W", "_", path.rpartition("/")[2]), answers.get("other", 404))
        if "/texml/" in path and "texml" in answers:
            connection.sendall(answer("200 OK", json.dumps(answers["texml"]).encode()))
        elif isinstance(told, int):
            body = {"errors": [{"code": "10005", "title": "Resource not found"}]}
            connection.sendall(answer(f"{told} No", json.dumps(body).encode()))
        else:
            pages = {"meta": {"total_pages": 1}} if isinstance(told, list) else {}
            connection.sendall(answer("200 OK", json.dumps({"data": told} | pages).encode()))

    with serving(behave) as listener:
        yield listener


def make_room(account: TelnyxAccount, **columns: Any) -> Conference:
    told = {"conference_id": ROOM, "name": "standup", "started_at": timezone.now() - timedelta(minutes=1)}
    return Conference.objects.create(account=account, **(told | columns))


def sent(wire: Listener) -> tuple[str, str, dict[str, Any]]:
    """Method, path and body of the only command's one request, without the id that makes a repeat harmless."""
    command = CallCommand.objects.get()
    sender.send(command.pk)
    command.refresh_from_db()
    assert command.status == "ok", command.error
    (raw,) = wire.requests
    head, _, body = raw.partition(b"\r\n\r\n")
    method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
    told = json.loads(body or b"{}")
    if retry_policy.takes_command_id(command.action):
        assert told.pop("command_id") == str(command.pk)
    return method, unquote(path), told


def as_typed(given: dict[str, Any]) -> dict[str, str]:
    """How a person's browser would send it."""
    return {name: typed(value) for name, value in given.items()}


def heard(event_type: str, control_id: str = "", exchange: Exchange | None = None) -> None:
    """The webhook came and was processed; in ``exchange`` time passes until it comes."""
    where = {"event_type": event_type} | ({"call_control_id": control_id} if control_id else {})
    eventually(lambda: CallEvent.objects.filter(**where).exists(), event_type, exchange)
    run_owed()


def ordered(made: Any) -> CallCommand:
    """The command of that answer, sent and accepted."""
    assert made.status_code == 202, made.json()
    run_owed()
    command = CallCommand.objects.get(pk=made.json()["id"])
    assert command.status == "ok", command.error
    return command
