"""A real portal against the suite's own servers: web, workers, beat and sweep, each by itself to start and to kill.

The commands are those of ``manage.py start``; only its supervisor is missing, since here tests decide who runs.
"""

import base64
import contextlib
import http.client
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celery import Celery
from nacl.signing import SigningKey

from portal.sandbox.core.keys import public_key, signing_key
from tests.faults.child import Child, free_port, wait_until
from tests.faults.proxy import Proxy
from tests.faults.servers import Postgres, RabbitMQ, Redis

ROOT = Path(__file__).resolve().parent.parent.parent
TELNYX_KEY = SigningKey(b"fault suite: Telnyx signs so:".ljust(32, b"."))
API_KEY = "KEY-canary-that-no-log-may-show"
LINES = 90


@dataclass(frozen=True)
class Line:
    """One Telnyx account with an application and a flow of its own: a test gets a fresh one instead of a fresh
    portal."""

    name: str
    account: str
    token: str
    connection_id: str

    @property
    def path(self) -> str:
        return f"/webhooks/{self.token}/call-control/"


class Telnyx:
    """The sandbox as a process, shared by the portals of the session."""

    def __init__(self) -> None:
        self.folder, self.port = Path(tempfile.mkdtemp(prefix="voice-portal-faults-telnyx-")), free_port()
        environment = _environment(self.folder) | {"FAULTS_ROLE": "sandbox", "FAULTS_DIR": str(self.folder)}
        line = [sys.executable, "manage.py", "sandbox", "--port", str(self.port)]
        self.child = Child("sandbox", line, environment, self.folder, ROOT, ready=self._answers)
        self.public_key = public_key(signing_key(self.folder / "var" / "sandbox.key"))

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """A request to it, or to the control beside it; the JSON of its answer."""
        status, answer = ask(self.port, method, path, body, Authorization="Bearer KEY-of-the-faults")
        assert status < 400, answer
        return answer

    def ring(self, connection_id: str, scenario: str = "transferred", **more: str) -> dict[str, str]:
        """Somebody calls; the ids of the leg. ``transferred`` waits until it is put through."""
        found: dict[str, str] = self(
            "POST", "/sandbox/calls", {"scenario": scenario, "connection_id": connection_id, **more}
        )
        return found

    def fault(self, fault: str, **more: Any) -> None:
        self("POST", "/sandbox/faults", {"fault": fault, **more})

    def heal(self) -> None:
        if not self.child.is_running():
            self.child.start()
        self.child.thaw()
        wait_until(self._answers, "answer of the sandbox")
        self("DELETE", "/sandbox/faults")

    def ledger(self) -> dict[str, list[dict[str, Any]]]:
        """What it was asked (``requests``), what it did (``commands``), what it posted (``deliveries``)."""
        found: dict[str, list[dict[str, Any]]] = self("GET", "/sandbox/ledger")
        return found

    def _answers(self) -> bool:
        return _status(self.port, "/sandbox/ready") == 200

    def close(self) -> None:
        self.child.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Template:
    """The migrated database with its lines, which each portal's is a copy of, and the commands of ``start``."""

    name = "faults_template"

    def __init__(self, postgres: Postgres, telnyx: Telnyx) -> None:
        postgres.create(self.name)
        key = base64.b64encode(bytes(TELNYX_KEY.verify_key)).decode()
        asked = (str(LINES), f"http://127.0.0.1:{telnyx.port}/v2", key, telnyx.public_key, API_KEY)
        with tempfile.TemporaryDirectory() as folder:
            self._environment = _environment(Path(folder)) | {
                "PORT": str(free_port()),
                "DATABASE_URL": f"postgres://postgres@127.0.0.1:{postgres.port}/{self.name}",
                "FAULTS_DIR": folder,
            }
            made = json.loads(run_python(self._environment, "-m", "tests.faults.prepare", *asked))
        self.lines = [Line(**line) for line in made["lines"]]
        self.token: str = made["token"]
        self._commands: dict[str, list[str]] = made["children"]

    def lines_for(self, broker: str) -> list[Line]:
        """Portals share the sandbox: the one on RabbitMQ has the first two thirds of the lines, all others the rest."""
        first = len(self.lines) * 2 // 3
        return self.lines[:first] if broker == "rabbitmq" else self.lines[first:]

    def commands(self, port: int, var: str) -> dict[str, list[str]]:
        """As ``start`` would run them for a portal at that port with that data directory."""
        there = {f":{self._environment['PORT']}": f":{port}", self._environment["PORTAL_VAR_DIR"]: var}

        def here(part: str) -> str:
            for old, new in there.items():
                part = part.replace(old, new)
            return part

        return {role: [here(part) for part in command] for role, command in self._commands.items()}


class Portal:
    """Processes of one database and one broker: ``web``, ``events``, ``commands``, ``beat``, ``sweep``; more web
    processes by ``another_web``."""

    def __init__(self, postgres: Postgres, broker: RabbitMQ | Redis, telnyx: Telnyx, template: Template) -> None:
        self.postgres, self.broker, self.telnyx = postgres, broker, telnyx
        self.name = f"portal_{secrets.token_hex(4)}"
        self.folder, self.port = Path(tempfile.mkdtemp(prefix=f"voice-portal-faults-{broker.name}-")), free_port()
        postgres.create(self.name, template.name)
        self.database_proxy, self.broker_proxy = Proxy(postgres.port), Proxy(broker.port)
        self.environment = _environment(self.folder) | {
            "PORT": str(self.port),
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{self.database_proxy.port}/{self.name}",
            "CELERY_BROKER_URL": broker.url(self.broker_proxy.port),
            "FAULTS_DIR": str(self.folder),
        }
        self.lines, self.token = template.lines_for(broker.name), template.token
        commands = template.commands(self.port, self.environment["PORTAL_VAR_DIR"])
        self.children = {role: self._child(role, command) for role, command in commands.items()}

    def __getitem__(self, role: str) -> Child:
        return self.children[role]

    def start(self, *roles: str) -> None:
        """These, or all: together, since each takes seconds."""
        children = [self.children[role] for role in roles or self.children]
        for child in children:
            if not child.is_running():
                (self.folder / f"ready.{child.name}").unlink(missing_ok=True)
                child.launch()
        for child in children:
            child.wait_ready()

    def restart(self, *roles: str) -> None:
        for role in roles:
            self.children[role].kill()
        self.start(*roles)

    def kill(self, *roles: str) -> None:
        for role in roles:
            self.children[role].kill()

    def freeze(self, *roles: str) -> None:
        for role in roles:
            self.children[role].freeze()

    def thaw(self, *roles: str) -> None:
        for role in roles:
            self.children[role].thaw()

    def another_web(self, role: str) -> int:
        """One more web server on a port of its own, with a role of its own; its port."""
        port = free_port()
        command = [part.replace(f":{self.port}", f":{port}") for part in self["web"].command]
        self.children[role] = self._child(role, command, port)
        self.start(role)
        return port

    def host_worker(self) -> None:
        """Start the worker that datagrams wake, as a role ``worker``: from now on the broker's workers hear nothing."""
        self.children["worker"] = self._child("worker", [sys.executable, "manage.py", "worker"])
        self.start("worker")

    def dismiss(self, role: str) -> None:
        """End one that ``another_web`` or ``host_worker`` made."""
        self.children.pop(role).kill()

    def next_line(self) -> Line:
        """A line that no test has used."""
        return self.lines.pop()

    # faults from within

    def arm(self, point: str, what: str = "die", *, role: str, times: int = 1, after: int = 0) -> None:
        """The next ``times`` processes of ``role`` to come to ``point`` (see ``failpoints``) die or ``stall 3``: those
        that come ``after`` so many."""
        folder = self.folder / "points" / point
        folder.mkdir(parents=True, exist_ok=True)
        for at in range(after + times):
            draft = self.folder / f"draft-{secrets.token_hex(4)}"
            draft.write_text(what if at >= after else "stall 0")
            draft.rename(folder / f"{role}.{at:03}")

    def armed(self) -> int:
        """How many of them were not struck yet."""
        return len(list((self.folder / "points").glob("*/*")))

    def set_clock(self, role: str, seconds: float) -> None:
        """Put the clock of a role's processes wrong by so much."""
        draft = self.folder / f"draft-{secrets.token_hex(4)}"
        draft.write_text(str(seconds))
        draft.rename(self.folder / f"clock.{role}")

    def point_at(self, line: Line, port: int) -> None:
        """Let the line's account ask Telnyx at another port: a proxy before the sandbox."""
        with self.connect() as database:
            address = f"http://127.0.0.1:{port}/v2"
            database.execute("UPDATE portal_telnyxaccount SET base_url = %s WHERE id = %s", (address, line.account))

    def wake(self, task: str, ids: list[str]) -> None:
        """Say it to the workers, as often as it is listed, past any proxy."""
        with Celery(broker=self.broker.url(self.broker.port), set_as_current=False) as app:
            queue = "commands" if task == "voice.send_command" else "events"
            for identifier in ids:
                app.send_task(task, args=[identifier], queue=queue, ignore_result=True)

    # looking at it

    def connect(self) -> Any:
        """A connection to its database past the proxy, in autocommit."""
        return self.postgres.connect(self.name)

    def ask(self, method: str, path: str, body: Any = None, port: int | None = None) -> tuple[int, Any]:
        """REST, with a token that may do everything."""
        return ask(port or self.port, method, path, body, Authorization=f"Bearer {self.token}")

    def is_ready(self) -> bool:
        return _status(self.port, "/readyz") == 200

    def logs(self) -> dict[str, str]:
        return {path.stem: path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log"))}

    def secrets(self) -> list[str]:
        """What must be in no log."""
        names = ("SECRET_KEY", "PORTAL_ENCRYPTION_KEYS")
        return [API_KEY, self.token, *(line.token for line in self.lines), *(self.environment[name] for name in names)]

    def heal(self) -> None:
        """Whatever a test did: servers answer, proxies pass, every process runs, no failpoint is armed."""
        for path in [*(self.folder / "points").glob("*/*"), *self.folder.glob("clock.*")]:
            path.unlink(missing_ok=True)
        for proxy in (self.database_proxy, self.broker_proxy):
            proxy.heal()
        for server in (self.postgres, self.broker, self.telnyx):
            server.heal()
        for child in self.children.values():
            child.thaw()
        self.start()
        wait_until(self.is_ready, f"ready portal:\n{self['web'].tail()}")

    def close(self) -> None:
        for child in self.children.values():
            child.kill()
        for proxy in (self.database_proxy, self.broker_proxy):
            proxy.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _child(self, role: str, command: list[str], port: int | None = None) -> Child:
        if "gunicorn" in command:

            def ready() -> bool:
                return _status(port or self.port, "/livez") == 200
        else:

            def ready() -> bool:
                return (self.folder / f"ready.{role}").exists()

        return Child(role, command, self.environment | {"FAULTS_ROLE": role}, self.folder, ROOT, ready=ready)


def run_python(environment: dict[str, str], *command: str) -> str:
    """The output of a command in a portal's environment."""
    done = subprocess.run(
        [sys.executable, *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    """Plain HTTP to this machine; status and JSON (or text)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        raw = None if body is None else json.dumps(body).encode()
        connection.request(method, path, raw, {"Content-Type": "application/json"} | headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    try:
        return answer.status, json.loads(content)
    except ValueError:
        return answer.status, content.decode(errors="replace")


def _status(port: int, path: str) -> int | None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask(port, "GET", path)[0]
    return None


def _environment(folder: Path) -> dict[str, str]:
    var = folder / "var"
    var.mkdir(exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PORTAL_VAR_DIR": str(var),
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "SECRET_KEY": "canary: the secret key of the faults",
        "PORTAL_ENCRYPTION_KEYS": base64.b64encode(b"canary of 32 bytes of the faults").decode(),
        "PYTHONUNBUFFERED": "1",
        "C_FORCE_ROOT": "1",
    }
