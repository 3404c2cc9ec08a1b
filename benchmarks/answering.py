"""P4: from a webhook in to its answer command out, in real processes, against a bare server that posts by itself."""

import base64
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.core.management import call_command
from nacl.signing import SigningKey

from applications.models import CallControlApplication
from portal import signatures
from portal.models import TelnyxAccount
from tests.factories import CONNECTION, make_event, make_flow

ROUNDS, CALLS = 3, 25


def run() -> Iterator[str]:
    """Lines to print: the embedded queue always, a real broker when ``CELERY_BROKER_URL`` names one."""
    call_command("migrate", verbosity=0)
    key = SigningKey.generate()
    public_key = base64.b64encode(bytes(key.verify_key)).decode()
    with _telnyx() as (telnyx_port, arrivals):
        account = TelnyxAccount(
            name="bench-answering", base_url=f"http://127.0.0.1:{telnyx_port}/v2", public_key=public_key
        )
        account.api_key = "KEY-bench"
        account.save()
        CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION)
        make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
        path = f"/webhooks/{account.webhook_token}/call-control/"
        bare = {"BARE_PUBLIC_KEY": public_key, "BARE_TELNYX_PORT": str(telnyx_port)}
        for broker in dict.fromkeys(["", os.environ.get("CELERY_BROKER_URL", "")]):
            with _web("benchmarks.bare:application", bare) as floor_port, _portal(broker) as portal_port:
                yield _compare(broker or "embedded queue", floor_port, portal_port, path, key, arrivals)


def _compare(name: str, floor: int, portal: int, path: str, key: SigningKey, arrivals: dict[str, float]) -> str:
    _latencies(floor, "/", key, arrivals), _latencies(portal, path, key, arrivals)  # warm
    rounds = [(_latencies(floor, "/", key, arrivals), _latencies(portal, path, key, arrivals)) for _ in range(ROUNDS)]
    shown = []
    for label, at in (("p50", 0.5), ("p95", 0.95)):
        bare, ours = (
            statistics.median(sorted(one[side])[int(at * (CALLS - 1))] for one in rounds) * 1000 for side in (0, 1)
        )
        shown.append(f"{label} {bare:.1f} → {ours:.1f} ms, ratio {ours / bare:.1f}")
    kind = name.partition("://")[0]
    return f"{kind}: {'; '.join(shown)} (goal with RabbitMQ: p50 4, p95 5)"


def _latencies(port: int, path: str, key: SigningKey, arrivals: dict[str, float]) -> list[float]:
    line, found = http.client.HTTPConnection("127.0.0.1", port, timeout=10), []
    for _ in range(CALLS):
        event = make_event(leg=uuid.uuid4().hex)
        body, control_id = json.dumps(event).encode(), event["data"]["payload"]["call_control_id"]
        headers = signatures.sign(body, key, time.time()) | {"Content-Type": "application/json"}
        begin = time.perf_counter()
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        while control_id not in arrivals:
            assert time.perf_counter() - begin < 10, "no command came"
            time.sleep(0.0005)
        found.append(arrivals[control_id] - begin)
    line.close()
    return found


@contextmanager
def _telnyx() -> Iterator[tuple[int, dict[str, float]]]:
    """Somebody who notes when the command for a call came, and says yes."""
    arrivals: dict[str, float] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            arrivals[unquote(self.path.split("/")[3])] = time.perf_counter()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
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
def _portal(broker: str) -> Iterator[int]:
    environment = {"CELERY_BROKER_URL": broker}
    celery = ["-m", "celery", "-A", "portal", "--quiet", "worker", "-P", "threads", "-c", "8", "-Q", "events,commands"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    with _process([*celery, *quiet], environment), _web("portal.wsgi", environment) as port:
        time.sleep(6)  # the worker reads the SDK before it is of use
        yield port


@contextmanager
def _web(application: str, environment: dict[str, str]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["-b", f"127.0.0.1:{port}", "-k", "gthread", "-w", "1", "--threads", "8", "--log-level", "error"]
    with _process(["-m", "gunicorn", application, *options], environment):
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    settled = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "C_FORCE_ROOT": "1", **environment}
    process = subprocess.Popen([sys.executable, "-W", "ignore", *command], cwd=settings.BASE_DIR, env=settled)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
