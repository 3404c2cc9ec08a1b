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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from itertools import chain
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.db import connection
from django.test import override_settings
from nacl.signing import SigningKey

from applications.models import CallControlApplication
from benchmarks.figures import Unmeasured
from portal import signatures
from portal.management.commands import start
from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION, make_event

KEY = SigningKey.generate()
PUBLIC_KEY = base64.b64encode(bytes(KEY.verify_key)).decode()
CONNECTIONS = 16
WARM_SECONDS = 120.0
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
            with Line(port) as line:
                while True:
                    with lock:
                        due, request = next(waiting, (0.0, b""))
                    if not request:
                        return
                    time.sleep(max(0.0, due - time.perf_counter()))
                    begin = due if every else time.perf_counter()
                    line.post(request)
                    found.append(time.perf_counter() - begin)
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


class Line:
    """Keeps one connection to a server, for one webhook after the other."""

    def __init__(self, port: int) -> None:
        self._line = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._port, self._used = port, time.monotonic()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def post(self, request: bytes) -> None:
        """Post it and wait for its 200; anything else stops."""
        if time.monotonic() - self._used > 1.0:  # the server lets go of a connection that idles for two seconds
            self._line.close()
            self.__init__(self._port)  # type: ignore[misc]
        self._line.sendall(request)
        status = _answer(self._line)
        self._used = time.monotonic()
        assert status == b"200", status


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


class _Telnyx(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # 32 threads connect at once: with five places the others are refused


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

    server = _Telnyx(("127.0.0.1", 0), Handler)
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
    command = [part.replace(f":{settings.PORT}", f":{port}") for part in _commands(environment)["web"]]
    command[command.index("portal.wsgi")] = application
    with process(command[1:], environment) as number:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, number


@contextmanager
def workers(environment: dict[str, str], but: str = "") -> Iterator[list[int]]:
    """Process ids of what ``make run`` starts beside the web for this database and broker: whatever works off rows.

    Without the one that is called ``but``: with a broker and without ``worker`` it is a host that only Celery wakes.
    """
    with ExitStack() as stack:
        commands = [command for name, command in _commands(environment).items() if name not in {"web", "beat", but}]
        yield [stack.enter_context(process(command[1:], environment)) for command in commands]


@contextmanager
def listener() -> Iterator[None]:
    """Take this host's wake-ups, and do nothing with them."""
    try:
        inbox, has_ended = import_module("portal.runtime.datagrams").Inbox(), threading.Event()
    except ModuleNotFoundError:  # before 0.2
        yield
        return

    def listen() -> None:
        while not has_ended.is_set():
            inbox.receive()

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()
        inbox.close()


def _commands(environment: dict[str, str]) -> dict[str, list[str]]:
    """The processes of ``make run`` by name, with the broker of that environment."""
    told = getattr(start, "_processes", None) or start._children  # type: ignore[attr-defined]  before 0.2
    broker = environment.get("CELERY_BROKER_URL", os.environ.get("CELERY_BROKER_URL", ""))
    with override_settings(HAS_BROKER=bool(broker) and connection.vendor == "postgresql"):
        return {one.name: one.command for one in told(with_sandbox=False)}


def know_the_tables() -> None:
    """Have the database count its tables' rows, as PostgreSQL does by itself within a minute of their first rows."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def warm(port: int, path: str, arrivals: dict[str, float], make: Callable[[str], bytes]) -> None:
    """Post webhooks until the command of one has come: a worker that starts may take longer than they stay fresh."""
    deadline = time.monotonic() + WARM_SECONDS
    while time.monotonic() < deadline:
        leg = uuid.uuid4().hex
        fire(port, [make(leg)], connections=1)
        if arrived(arrivals, [f"v3:{leg}-leg"], 5.0):
            return
    raise Unmeasured(f"no command came within {WARM_SECONDS:.0f} s")


def arrived(arrivals: dict[str, float], legs: Sequence[str], patience: float) -> int:
    """Wait until a command has come for each of them, or none for so long; return how many came."""
    count, last = 0, time.monotonic()
    while time.monotonic() - last < patience:
        found = sum(leg in arrivals for leg in legs)
        if found == len(legs):
            return found
        if found > count:
            count, last = found, time.monotonic()
        time.sleep(0.002)
    return count


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
    for number in chain.from_iterable(family(root) for root in roots):
        try:
            with open(f"/proc/{number}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def memory(*roots: int) -> float:
    """MiB of these processes and their children, shared pages divided among those that share them."""
    total = 0
    for number in chain.from_iterable(family(root) for root in roots):
        with suppress(OSError), open(f"/proc/{number}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    return total / 1024


def family(root: int) -> Iterator[int]:
    yield root
    try:
        with open(f"/proc/{root}/task/{root}/children") as file:
            children = [int(number) for number in file.read().split()]
    except OSError:
        return
    for child in children:
        yield from family(child)
