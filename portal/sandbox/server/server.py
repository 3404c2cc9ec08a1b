"""Serves the sandbox over HTTP: Telnyx under ``/v2``, its control under ``/sandbox``; unless told, to this machine."""

import signal
import threading
from pathlib import Path
from typing import Self

from nacl.signing import SigningKey

from portal.sandbox.control.worlds import Ways, Worlds
from portal.sandbox.core.keys import key_of_seed, public_key, signing_key
from portal.sandbox.server.control import Control
from portal.sandbox.server.handler import Handler, Server

HOST = "127.0.0.1"


class Sandbox:
    """Runs a sandbox: ``with Sandbox(Path("var/sandbox.sqlite3")) as sandbox: … sandbox.base_url``.

    ``state`` is its SQLite file, the signing key lies beside it (``.key``) and outlives ``empty`` and reset. ``port`` 0
    takes a free one. ``pace`` multiplies every duration of a call: 0.02 makes two seconds of speech 40 ms. Of the same
    ``seed`` all ids, and without ``key`` the signing key, are the same. ``host`` is where it listens, ``allowed_hosts``
    are names beside this machine's own under which it may be asked. ``store``, ``exchange`` and ``faults`` are those of
    the common world.
    """

    def __init__(
        self,
        state: Path,
        port: int = 0,
        pace: float = 1.0,
        empty: bool = False,
        *,
        host: str = HOST,
        allowed_hosts: tuple[str, ...] = (),
        seed: str | None = None,
        key: SigningKey | None = None,
        ignores_unknown: bool = False,
    ) -> None:
        if key is None:
            key = signing_key(state.with_suffix(".key")) if seed is None else key_of_seed(seed)
        self.public_key = public_key(key)
        self.allowed_hosts = allowed_hosts
        self.closing = threading.Event()
        self._server = Server((host, port), Handler)  # before the store: a taken port must not empty anything
        self._server.sandbox = self
        self._thread = threading.Thread(target=self._server.serve, daemon=True, name="sandbox")
        self.port = int(self._server.server_address[1])
        self.base_url, self.control_url = f"http://{HOST}:{self.port}/v2", f"http://{HOST}:{self.port}/sandbox"
        self.worlds = Worlds(
            state,
            Ways(key, pace, seed, f"http://{(*allowed_hosts, HOST)[0]}:{self.port}/sandbox/media", ignores_unknown),
            empty,
        )
        common = self.worlds.common
        self.store, self.exchange, self.faults = common.store, common.exchange, common.faults
        self.control = Control(self.worlds, self.public_key)
        self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reset(self) -> None:
        """Make it as new: what ``POST /sandbox/reset`` does."""
        self.worlds.common.reset()

    def close(self) -> None:
        """Stop; the state stays. Calls alive go on at the next start."""
        self.closing.set()
        self._server.stop()
        self._thread.join(5)
        self._server.hang_up()
        self._server.server_close()
        for world in self.worlds.every():
            world.close()

    def _start(self) -> None:
        for world in self.worlds.every():
            world.start()
        self._thread.start()


def signalled() -> threading.Event:
    """Return what the first SIGTERM or SIGINT sets.

    Whoever serves asks for it before saying so: who is told may stop it at once.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
