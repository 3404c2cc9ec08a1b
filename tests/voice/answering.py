"""A Telnyx that says what a test wants of it, address by address, over real HTTP."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.models import TelnyxAccount
from tests.portal.servers import Listener, answer, serving
from voice.models import CallCommand


@contextmanager
def telnyx_says(account: TelnyxAccount, **by_word: Any) -> Iterator[Listener]:
    """Answers a request whose path holds the word: with JSON, a status line, both, or what a function of it gives."""
    asked: list[Listener] = []

    def behave(connection: socket.socket) -> None:
        path = asked[0].requests[-1].split(b" ")[1].decode()
        said = next((value for word, value in by_word.items() if word in path), "404 Not Found")
        said = said(path) if callable(said) else said
        line, body = said if isinstance(said, tuple) else (said, {"errors": [{"code": "10005", "detail": "none"}]})
        if isinstance(line, dict):
            line, body = "200 OK", line
        connection.sendall(answer(line, json.dumps(body).encode()))

    with serving(behave) as listener:
        asked.append(listener)
        TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{listener.url}/v2")
        account.base_url = f"{listener.url}/v2"
        yield listener


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def made_uncertain(command: CallCommand, sent: float = 30, over: float = 10) -> CallCommand:
    """It was sent so many seconds ago and given up so many seconds ago; a look is due."""
    tried = {"at": ago(sent).isoformat(), "http_status": 503, "ms": 12, "code": None, "outcome": "uncertain"}
    told = {"first_sent_at": ago(sent), "finished_at": ago(over), "lease_until": ago(1), "attempts": [tried]}
    CallCommand.objects.filter(pk=command.pk).update(status="uncertain", error="It may have acted, or not.", **told)
    return CallCommand.objects.get(pk=command.pk)
