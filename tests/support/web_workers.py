"""A web worker without a server around it, and what is asked of it over real sockets."""

import logging
import selectors
import socket
from concurrent.futures import Future

from gunicorn.config import Config

from portal.runtime.connections import Connection
from portal.runtime.web_worker import WebWorker

REQUEST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nfive!"
CHUNKS = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Worker(WebWorker):
    """Notes what it would hand to a thread."""

    def __init__(self) -> None:
        super().__init__(1, 1, [], None, 1, Config(), logging.getLogger("tests.web_worker"))
        self.poller = selectors.DefaultSelector()
        self.handed: list[Connection] = []

    def enqueue_req(self, conn: Connection) -> None:
        self.handed.append(conn)

    def look(self) -> None:
        """Go one round through what has come."""
        self.wait_for_and_dispatch_events(0)


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def done(result: bool) -> "Future[bool]":
    future: Future[bool] = Future()
    future.set_result(result)
    return future
