"""A Telnyx that says what a test wants of it, address by address, over real HTTP."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from portal.models import TelnyxAccount
from tests.support.http_servers import Listener, answer, serving


@contextmanager
def telnyx_says(account: TelnyxAccount, **by_word: Any) -> Iterator[Listener]:
    """Answers a request whose path holds the word: with JSON, a status line, both, or what a function of it gives.

    Bytes beside a status line are sent as they are.
    """
    asked: list[Listener] = []

    def behave(connection: socket.socket) -> None:
        path = asked[0].requests[-1].split(b" ")[1].decode()
        said = next((value for word, value in by_word.items() if word in path), "404 Not Found")
        said = said(path) if callable(said) else said
        line, body = said if isinstance(said, tuple) else (said, {"errors": [{"code": "10005", "detail": "none"}]})
        if isinstance(line, dict):
            line, body = "200 OK", line
        connection.sendall(answer(line, body if isinstance(body, bytes) else json.dumps(body).encode()))

    with serving(behave) as listener:
        asked.append(listener)
        TelnyxAccount.objects.filter(pk=account.pk).update(base_url=f"{listener.url}/v2")
        account.base_url = f"{listener.url}/v2"
        yield listener
