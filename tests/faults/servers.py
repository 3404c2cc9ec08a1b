"""PostgreSQL, RabbitMQ and Redis of the suite's own: from the installed binaries, on free ports, as nobody special.

The machine's running servers are never touched: each one here has its own directory, ports and, of RabbitMQ, its own
epmd and cookie. Nothing survives the session.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

import psycopg
from kombu import Connection

from tests.faults.child import Child, free_port, wait_until

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def unprivileged() -> int | None:
    """Whom the servers run as: nobody when we are root (PostgreSQL refuses root), else ourselves."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def own_folder(name: str) -> Path:
    """A new directory that the servers' user may enter and write; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix=f"voice-portal-faults-{name}-"))
    folder.chmod(0o755)
    if (user := unprivileged()) is not None:
        os.chown(folder, user, user)
    return folder


def missing() -> dict[str, str]:
    """The binaries that are not here, by server."""
    found = {"postgresql": _postgres_bin(), "rabbitmq": RABBITMQ.exists(), "redis": shutil.which("redis-server")}
    return {name: f"{name} is not installed" for name, there in found.items() if not there}


def _postgres_bin() -> Path | None:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return folders[-1] if folders else None


class Server:
    """What the three share: one child in a folder of its own."""

    name = ""

    def __init__(self) -> None:
        self.folder, self.port = own_folder(self.name), free_port()
        self.child = self._child()

    def _child(self) -> Child:
        raise NotImplementedError

    def _made(self, command: list[str], **environment: str) -> Child:
        path = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return Child(
            self.name, command, path | environment, self.folder, self.folder, unprivileged(), self.answers, patience=240
        )

    def answers(self) -> bool:
        """Whether it serves requests now."""
        raise NotImplementedError

    def start(self) -> None:
        self.child.start()

    def stop(self) -> None:
        self.child.stop()

    def kill(self) -> None:
        self.child.kill()

    def freeze(self) -> None:
        self.child.freeze()

    def thaw(self) -> None:
        self.child.thaw()

    def heal(self) -> None:
        """Whatever a test did to it: it runs and answers again."""
        if not self.child.is_running():
            self.start()
        elif self.child.frozen:
            self.thaw()
        wait_until(self.answers, f"answer of {self.name}")

    def close(self) -> None:
        self.child.thaw()
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    """PostgreSQL that really waits for the disk (fsync), with room for two portals."""

    name = "postgresql"
    max_connections = 200

    def _child(self) -> Child:
        binaries = _postgres_bin()
        assert binaries is not None
        data = self.folder / "data"
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": str(self.max_connections),
            "shared_buffers": "32MB",
            "timezone": "UTC",
            "fsync": "on",
            "synchronous_commit": "on",
            "restart_after_crash": "on",
        }
        line = [str(binaries / "postgres"), "-D", str(data), *(f"-c{name}={value}" for name, value in options.items())]
        child = self._made(line)
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "-E", "UTF8", "-N"]
        made = Child("initdb", [*initdb, "--locale=C"], child.environment, self.folder, self.folder, unprivileged())
        made.launch()
        assert made.process is not None
        assert made.process.wait(120) == 0, made.tail()
        return child

    def answers(self) -> bool:
        try:
            with self.connect("postgres", connect_timeout=2) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.Error:
            return False

    def connect(self, database: str, **options: object) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection past any proxy, in autocommit."""
        where = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "dbname": database, "autocommit": True}
        return psycopg.connect(**(where | options))  # type: ignore[arg-type]

    def create(self, database: str, template: str = "template1") -> None:
        with self.connect("postgres") as server:
            server.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
            # else a crash gives numbers twice: what a copied sequence had logged ahead lies in its template's log
            server.execute("CHECKPOINT")

    def drop(self, database: str) -> None:
        with self.connect("postgres") as server:
            server.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def crash(self) -> None:
        """``pg_ctl restart -m immediate``: no checkpoint, every connection dies, recovery from the log at start."""
        self.child.tell(signal.SIGQUIT)
        assert self.child.process is not None
        self.child.process.wait(30)
        self.child.launch()

    def launch_again(self) -> None:
        """Start after kill -9, when its last children may still hold the shared memory for a moment."""
        deadline = time.monotonic() + 60
        while True:
            self.child.launch()
            time.sleep(0.5)
            if self.child.is_running() or time.monotonic() > deadline:
                return

    def start(self) -> None:
        self.launch_again()
        self.child.wait_ready()


class Redis(Server):
    """Redis that keeps nothing on disk: a restart is a loss, as it may be in production."""

    name = "redis"

    def _child(self) -> Child:
        line = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        return self._made([*line, "--dir", str(self.folder)])

    def url(self, port: int) -> str:
        return f"redis://127.0.0.1:{port}/0"

    def answers(self) -> bool:
        return self.ask("PING") == b"+PONG"

    def ask(self, *words: str) -> bytes:
        """One command, in Redis' own protocol; the first line of its answer."""
        line = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(line)
                return connection.recv(4096).partition(b"\r\n")[0]
        except OSError:
            return b""

    def wipe(self) -> None:
        """FLUSHALL."""
        assert self.ask("FLUSHALL") == b"+OK"


class RabbitMQ(Server):
    """RabbitMQ without plugins, under an epmd of its own."""

    name = "rabbitmq"

    def __init__(self) -> None:
        self.epmd_port, self.distribution_port = free_port(), free_port()
        super().__init__()
        self.epmd = Child(
            "epmd",
            ["epmd", "-port", str(self.epmd_port), "-address", "127.0.0.1"],
            self.child.environment,
            self.folder,
            self.folder,
            unprivileged(),
        )

    def _child(self) -> Child:
        empty, lists = ("config.conf", "environment.conf"), ("advanced.config", "enabled_plugins")
        for name, text in (*((name, "") for name in empty), *((name, "[].\n") for name in lists)):
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o644)  # the broker runs as somebody else
        folder = str(self.folder)
        return self._made(
            [str(RABBITMQ)],
            ERL_EPMD_PORT=str(self.epmd_port),
            ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_NODENAME=f"faults{self.port}@localhost",
            RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
            RABBITMQ_DIST_PORT=str(self.distribution_port),
            RABBITMQ_MNESIA_BASE=f"{folder}/mnesia",
            RABBITMQ_LOG_BASE=f"{folder}/log",
            RABBITMQ_PID_FILE=f"{folder}/rabbitmq.pid",
            RABBITMQ_ENABLED_PLUGINS_FILE=f"{folder}/enabled_plugins",
            RABBITMQ_CONF_ENV_FILE=f"{folder}/environment.conf",
            RABBITMQ_CONFIG_FILE=f"{folder}/config",
            RABBITMQ_ADVANCED_CONFIG_FILE=f"{folder}/advanced.config",
            RABBITMQ_GENERATED_CONFIG_DIR=f"{folder}/generated",
            # replaced by the Erlang machine itself: the pid is the broker's, and no shell stands between
            RABBITMQ_ALLOW_INPUT="1",
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-noinput +sbwt none +sbwtdcpu none +sbwtdio none",
        )

    def start(self) -> None:
        if not self.epmd.is_running():
            self.epmd.launch()
        super().start()

    def url(self, port: int) -> str:
        return f"amqp://guest:guest@127.0.0.1:{port}//"

    def answers(self) -> bool:
        """Whether it speaks AMQP: it names its protocol to whoever names another."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"AMQP\0\0\0\0")
                return connection.recv(8).startswith(b"AMQP")
        except OSError:
            return False

    def wipe(self) -> None:
        """Delete the queues with all that is in them; consumers are thrown out."""
        with Connection(self.url(self.port)) as broker:
            broker.ensure_connection(max_retries=3, timeout=10)
            for queue in ("events", "commands"):
                with contextlib.suppress(broker.channel_errors):
                    broker.default_channel.queue_delete(queue)

    def close(self) -> None:
        super().close()
        self.epmd.kill()
