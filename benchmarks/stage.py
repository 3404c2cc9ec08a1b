"""What the benchmarks measure on: real processes of the portal, a Telnyx that says yes, many connections at once."""

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.db import connection
from nacl.signing import SigningKey

from applications.models import CallControlApplication
from portal import signatures
from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, make_event

KEY = SigningKey.generate()
PUBLIC_KEY = base64.b64encode(bytes(KEY.verify_key)).decode()
CONNECTIONS = 16
PATIENCE = 90  # seconds for an answer: on a busy machine a server's first one takes its time


def make_account(name: str, telnyx_port: int = 9) -> TelnyxAccount:
    """One whose webhooks ``KEY`` signs, with an application at home; its Telnyx is on this machine."""
    account = TelnyxAccount(name=name, base_url=f"http://127.0.0.1:{telnyx_port}/v2", public_key=PUBLIC_KEY)
    account.api_key = "KEY-of-the-benchmark"
    account.save()
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION)
    return account


def path_of(account: TelnyxAccount) -> str:
    return f"/webhooks/{account.webhook_token}/call-control/"


def webhook(path: str, event: dict[str, Any] | None = None) -> bytes:
    """A whole signed request, of a call of its own unless an event is given."""
    return request(path, json.dumps(event or make_event(leg=uuid.uuid4().hex)).encode(), "application/json")


def request(path: str, body: bytes, kind: str) -> bytes:
    """A whole request as Telnyx signs it."""
    headers = signatures.sign(body, KEY, time.time())
    headers |= {"Host": "127.0.0.1", "Content-Type": kind, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def fire(port: int, requests: Sequence[bytes], connections: int = CONNECTIONS, every: float = 0.0) -> list[float]:
    """Post them over so many kept connections: the seconds until each was answered 200. Anything else stops.

    One after the other, or one ``every`` so many seconds, whether those before it are answered or not, as long as a
    connection is free; what one waited for that counts.
    """
    found, failures = [], []
    lock, start = threading.Lock(), time.perf_counter()
    waiting = iter((start + every * at, request) for at, request in enumerate(requests))

    def post() -> None:
        try:
            with socket.create_connection(("127.0.0.1", port), PATIENCE) as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while True:
                    with lock:
                        due, request = next(waiting, (0.0, b""))
                    if not request:
                        return
                    time.sleep(max(0.0, due - time.perf_counter()))
                    begin = due if every else time.perf_counter()
                    line.sendall(request)
                    status = _answer(line)
                    found.append(time.perf_counter() - begin)
                    assert status == b"200", status
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=post) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return found


def _answer(line: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(line)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(int(row[15:]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:"))
    while len(body) < length:
        body += _some(line)
    return head[9:12]


def _some(line: socket.socket) -> bytes:
    data = line.recv(65536)
    assert data, "the server closed the connection"
    return data


def at(values: Sequence[float], share: float) -> float:
    """The value that so large a share of them does not exceed."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


@contextmanager
def telnyx(seconds: float = 0.0) -> Iterator[tuple[int, dict[str, float]]]:
    """Port, and when the first command for each call came. It says yes, after so long."""
    arrivals: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            arrivals.setdefault(unquote(self.path.split("/")[3]), time.perf_counter())
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(seconds)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "25")
            self.end_headers()
            self.wfile.write(b'{"data": {"result":"ok"}}')

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], arrivals
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def web(application: str, environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Port and process id of a server as ``make run`` starts it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    workers = "1" if connection.vendor == "sqlite" else "2"
    options = ["-b", f"127.0.0.1:{port}", "-k", "portal.runtime.web_worker.WebWorker", "-w", workers, "--threads", "8"]
    options += ["--log-level", "error"]
    with process(["-m", "gunicorn", application, *options], environment) as number:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, number


@contextmanager
def workers(environment: dict[str, str]) -> Iterator[None]:
    """The workers that ``make run`` starts for this database."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "CRITICAL"]
    worker = ["-m", "celery", "-A", "portal", "--quiet", "worker", *quiet]
    if connection.vendor == "sqlite":
        with process([*worker, "-P", "threads", "-c", "8", "-Q", "events,commands"], environment):
            yield
        return
    events = [*worker, "-P", "prefork", "-c", "2", "-Q", "events", "-n", "bench-events@%h"]
    commands = [*worker, "-P", "threads", "-c", "32", "-Q", "commands", "-n", "bench-commands@%h"]
    with process(events, environment), process(commands, environment):
        yield


@contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """One process of Python, with what it started, until the block ends."""
    settled = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "C_FORCE_ROOT": "1", **environment}
    said = subprocess.DEVNULL if "BENCH_VERBOSE" not in os.environ else None
    line = [sys.executable, "-W", "ignore", *command]
    started = subprocess.Popen(line, cwd=settings.BASE_DIR, env=settled, stdout=said, stderr=said)
    try:
        yield started.pid
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()


def cpu_seconds(*roots: int) -> float:
    """What these processes and their children have used so far; nothing where there is no ``/proc``."""
    spent = 0.0
    for number in chain.from_iterable(_family(root) for root in roots):
        try:
            with open(f"/proc/{number}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def _family(root: int) -> Iterator[int]:
    yield root
    try:
        with open(f"/proc/{root}/task/{root}/children") as file:
            children = [int(number) for number in file.read().split()]
    except OSError:
        return
    for child in children:
        yield from _family(child)
