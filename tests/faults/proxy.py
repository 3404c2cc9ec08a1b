"""A TCP proxy that spoils what passes: put between the portal and its database, its broker, Telnyx.

``Proxy(5432).port`` passes everything on. ``proxy.spoil("delay", seconds=1)`` and the like change that while it runs,
for connections that are open as well; ``proxy.heal()`` ends it.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

MODES = {
    "pass",
    "delay",  # every piece waits ``seconds``, both ways
    "drip",  # one byte every ``seconds`` towards the client
    "cut",  # open connections are closed, new ones at once
    "reset",  # the same with RST
    "blackhole",  # connections stay and are taken, nothing passes; what was sent comes through when it ends
    "mute",  # requests pass, answers do not
    "instead",  # requests pass, each answer is replaced by ``answer``, then the connection is closed
    "flood",  # the request goes nowhere; an answer of HTTP that does not end (but after ``FLOOD`` bytes, to spare us)
}
FLOOD = 300_000_000
_VERBS = (b"GET ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ")
_HEAD = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{"data": {"text": "'


@dataclass(frozen=True)
class Spoiling:
    """What is done to what passes. ``times`` counts HTTP requests; None means until it is healed."""

    mode: str = "pass"
    seconds: float = 0.0
    answer: bytes = b""
    times: int | None = None


class _Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.request = Spoiling()  # what strikes the request under way, when ``times`` counts
        self.replaced = False

    def close(self, *, reset: bool = False) -> None:
        for writer in (self.client, self.server):
            if reset:
                linger = struct.pack("ii", 1, 0)
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort() if reset else writer.close()


class _Loop:
    """One event loop on one thread for every proxy of the session."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True).start()

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        done: Future[Any] = asyncio.run_coroutine_threadsafe(what, self.loop)
        return done.result(30)


_proxies = _Loop()


class Proxy:
    """Listens on ``port`` and passes to ``target`` on this machine."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.flooded = 0  # bytes of endless answers that clients took before they closed
        self._now = Spoiling()
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._server: asyncio.Server = _proxies.run(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256))
        self.port = int(self._server.sockets[0].getsockname()[1])

    def spoil(self, mode: str, *, seconds: float = 0.0, answer: bytes = b"", times: int | None = None) -> None:
        """From now on, ``mode`` (see ``MODES``)."""
        assert mode in MODES, mode
        _proxies.run(self._switch(Spoiling(mode, seconds, answer, times)))

    def heal(self) -> None:
        self.spoil("pass")

    def connections(self) -> int:
        return len(self._links)

    def close(self) -> None:
        _proxies.run(self._close())

    async def _switch(self, spoiling: Spoiling) -> None:
        self._now = spoiling
        self._changed.set()
        self._changed = asyncio.Event()
        if spoiling.mode in ("cut", "reset"):
            self._hang_up(reset=spoiling.mode == "reset")

    async def _close(self) -> None:
        self._server.close()
        self._hang_up()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _hang_up(self, *, reset: bool = False) -> None:
        for link in list(self._links):
            link.close(reset=reset)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._link(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._now.mode in ("cut", "reset"):
            _Link(writer, writer).close(reset=self._now.mode == "reset")
            return
        await self._held(("blackhole",))
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        link = _Link(writer, far_writer)
        self._links.add(link)
        try:
            both = (self._upward(link, reader), self._downward(link, far_reader))
            done, rest = await asyncio.wait(map(asyncio.ensure_future, both), return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(*done, *rest, return_exceptions=True)
        finally:
            self._links.discard(link)
            link.close()

    async def _upward(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            if data.startswith(_VERBS):
                link.request, link.replaced = self._take(), False
            await self._held(("blackhole",))
            if self._mode(link).mode == "flood":
                await self._flood(link)
                return
            if self._mode(link).mode == "delay":
                await asyncio.sleep(self._mode(link).seconds)
            link.server.write(data)
            await link.server.drain()

    async def _downward(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            await self._held(("blackhole", "mute"), link)
            spoiling = self._mode(link)
            if spoiling.mode == "instead":
                link.client.write(spoiling.answer)
                await link.client.drain()
                return
            if spoiling.mode == "delay":
                await asyncio.sleep(spoiling.seconds)
            await (self._drip(link, data) if spoiling.mode == "drip" else self._pass(link, data))

    async def _pass(self, link: _Link, data: bytes) -> None:
        link.client.write(data)
        await link.client.drain()

    async def _drip(self, link: _Link, data: bytes) -> None:
        for at in range(len(data)):
            if self._mode(link).mode != "drip":
                await self._pass(link, data[at:])
                return
            await self._pass(link, data[at : at + 1])
            await asyncio.sleep(self._mode(link).seconds)

    async def _flood(self, link: _Link) -> None:
        link.client.write(_HEAD)
        while not link.client.is_closing() and self.flooded < FLOOD:
            await self._pass(link, b"x" * 65536)
            self.flooded += 65536

    async def _held(self, modes: tuple[str, ...], link: _Link | None = None) -> None:
        while (self._mode(link) if link else self._now).mode in modes:
            await self._changed.wait()
            if link and self._now.mode not in modes:
                link.request = Spoiling()

    def _mode(self, link: _Link) -> Spoiling:
        return self._now if self._now.times is None else link.request

    def _take(self) -> Spoiling:
        """What strikes this request: counted down, so that the one after the last passes."""
        spoiling = self._now
        if spoiling.times is None:
            return spoiling
        left = spoiling.times - 1
        self._now = Spoiling(spoiling.mode, spoiling.seconds, spoiling.answer, left)
        return spoiling if left >= 0 else Spoiling()
