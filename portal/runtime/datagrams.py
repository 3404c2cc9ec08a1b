"""Wakes the worker of this host by datagrams to a socket in the data directory: no broker stands between.

A datagram is the name of a task, and an id for most. Nothing is owed in it: what is lost, the sweep finds in its row.
"""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

from django.conf import settings

_LONGEST = 512  # bytes
_LONGEST_PATH = 103  # bytes of a socket's: 107 on Linux, fewer elsewhere
_PATIENCE_SECONDS = 1  # of somebody who may wait: the kernel keeps ten datagrams on many machines
_LOOK_SECONDS = 1.0  # between two looks whether the socket is still where it is looked for


class Fate(Enum):
    SENT = auto()
    NOBODY = auto()  # no worker listens on this host
    FULL = auto()  # there is one, and it has enough


def path() -> Path:
    """Return where this host's worker listens."""
    return Path(settings.VAR_DIR) / "wakeups.sock"


@contextlib.contextmanager
def _address() -> Iterator[str]:
    """Give the path by which the socket is reached: one that is too long for a socket, on Linux, by its directory."""
    whole = path()
    if len(os.fsencode(whole)) <= _LONGEST_PATH:
        yield str(whole)
        return
    directory = os.open(whole.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{directory}/{whole.name}"
    finally:
        os.close(directory)


class Sender:
    """Sends wake-ups from any thread of the process, and of one that was forked from it."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def __del__(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def send(self, task: str, identifier: str, *, patient: bool = False) -> Fate:
        """Send one and never block; who is ``patient`` waits a second for room."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _PATIENCE_SECONDS, 0))
        data = f"{task} {identifier}".encode()
        try:
            with _address() as address:
                self._socket.sendto(data, 0 if patient else socket.MSG_DONTWAIT, address)
        except BlockingIOError:
            return Fate.FULL
        except OSError:
            return Fate.NOBODY  # no such file, or nobody behind it
        return Fate.SENT


class Taken(OSError):
    """Says that the wake-ups of this data directory go to another worker, which lives."""


class Inbox:
    """Receives wake-ups. One process of a host has it."""

    def __init__(self) -> None:
        self._path = str(path())
        self._socket = self._bound()
        self._inode = os.stat(self._path).st_ino

    def receive(self) -> tuple[str, str] | None:
        """Wait for a wake-up, a second at most: a task and its id. Who took the socket's file away is made up for."""
        try:
            data = self._socket.recv(_LONGEST)
        except TimeoutError:
            self._look()
            return None
        try:
            task, _, identifier = data.decode("ascii").partition(" ")
        except UnicodeDecodeError:
            return None
        return task, identifier

    def close(self) -> None:
        """Let the next wake-up go elsewhere at once."""
        if self._is_there():
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        self._socket.close()

    def _bound(self) -> socket.socket:
        if Sender().send("", "") is not Fate.NOBODY:
            raise Taken(f"Another worker listens at {self._path}: one of a data directory is enough.")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)  # of one that was killed
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with _address() as address:
            bound.bind(address)
        os.chmod(self._path, 0o600)
        bound.settimeout(_LOOK_SECONDS)
        return bound

    def _look(self) -> None:
        if not self._is_there():
            self._socket.close()
            self._socket = self._bound()
            self._inode = os.stat(self._path).st_ino

    def _is_there(self) -> bool:
        try:
            return os.stat(self._path).st_ino == self._inode
        except OSError:
            return False
