"""Keeps worlds apart: each has its own calls, applications, faults, ledger and clock, and none sees another's.

The API key tells which one is meant: ``KEY-world-NAME`` the world of that name, every other key the common one.
"""

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nacl.signing import SigningKey

from portal.json_types import JsonObject
from portal.sandbox.actions import consequences
from portal.sandbox.chance import Chance
from portal.sandbox.clock import Clock
from portal.sandbox.core.deliveries import WORKERS, Courier
from portal.sandbox.core.errors import Refused, unprocessable
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.faults import Faults
from portal.sandbox.core.store import Store
from portal.sandbox.resources import stock
from portal.sandbox.streaming.streamer import Streamer
from portal.sandbox.texml import callbacks

COMMON = ""
MOST = 200  # worlds at once
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KEY = re.compile(r"(?:Bearer )?KEY-world-(\S+)")
_STATE = "world"  # where the store keeps the clock, and how often this world was begun
_OF_OTHERS = 4  # threads that post a world's webhooks, where it is not the common one


@dataclass(frozen=True)
class Ways:
    """Says how all worlds of a sandbox go: what signs, how fast, from which seed, and where recordings are heard."""

    key: SigningKey
    pace: float
    seed: str | None
    media_url: str
    ignores_unknown: bool = False


class World:
    """Holds one account's everything."""

    def __init__(self, name: str, state: Path, ways: Ways, empty: bool = False) -> None:
        self.name, self._ways = name, ways
        self.store = Store(state, empty=empty)
        self.clock = Clock()
        kept = self.store.get(_STATE, _STATE) or {"starts": -1}
        if "clock" in kept:
            self.clock.restore(kept["clock"])
        self._starts = kept["starts"] + 1
        self.faults = Faults(self.store)
        self.courier = Courier(self.store, ways.key, self.faults, self.clock, _OF_OTHERS if name else WORKERS)
        self.streamer = Streamer(self.store, self.clock, ways.pace)
        self.exchange = Exchange(
            self.store,
            self.courier,
            self.streamer,
            ways.pace,
            consequences.TIMERS,
            consequences.follow,
            callbacks.tell,
            self.clock,
            self._chance(),
        )
        self.exchange.media_url, self.exchange.media_key = ways.media_url, bytes(ways.key)
        self.exchange.ignores_unknown = ways.ignores_unknown
        self.streamer.on_news = self.exchange.wake
        with self.exchange.transaction():
            stock.fill(self.store)
            self._keep()

    def start(self) -> None:
        self.courier.start()
        self.exchange.start()
        self.streamer.take_up()

    def close(self) -> None:
        self.exchange.close()
        self.courier.close()
        self.streamer.close()
        self.store.close()

    def reset(self) -> None:
        """Forget everything but the signing key; the clock runs as this machine's, the seed begins anew."""
        self.clock.go_on()
        self.clock.restore(Clock().as_json())
        with self.exchange.transaction():
            self.store.clear()
            self.courier.forget()
            self.streamer.forget()
            self._starts = 0
            self.exchange.begin_anew(self._chance())
            with self.exchange.around():
                stock.fill(self.store)
                self._keep()
        self.exchange.wake()

    def keep_clock(self) -> None:
        """Remember how the clock goes, for the next start."""
        with self.exchange.transaction():
            self._keep()
        self.exchange.wake()

    def snapshot(self) -> JsonObject:
        """Return all there is in this world."""
        with self.exchange.transaction():
            return {"taken_at": self.clock.time(), "rows": self.store.dump()}

    def load(self, snapshot: JsonObject) -> None:
        """Have what a snapshot has, and nothing else; what was due is due as much later as it was then."""
        with self.exchange.transaction():
            self.store.load(snapshot["rows"])
            self.store.bring_forward(snapshot["taken_at"] - self.clock.time())
            self.courier.forget()
            self.streamer.forget()
            self._keep()
        self.courier.take_up()
        self.streamer.take_up()
        self.exchange.wake()

    def _keep(self) -> None:
        self.store.put(_STATE, _STATE, {"starts": self._starts, "clock": self.clock.as_json()})

    def _chance(self) -> Chance:
        seed = self._ways.seed
        return Chance(None if seed is None else f"{seed}/{self.name}/{self._starts}")


class Worlds:
    """Finds the world that a key means, and makes it when it is asked for first."""

    def __init__(self, state: Path, ways: Ways, empty: bool) -> None:
        self._state, self._ways = state, ways
        self._lock = threading.Lock()
        self.common = World(COMMON, state, ways, empty)
        self._others: dict[str, World] = {}
        for path in sorted(state.parent.glob(f"{state.stem}.world-*{state.suffix}")):
            name = path.name.removeprefix(f"{state.stem}.world-").removesuffix(state.suffix)
            if empty:
                _remove(path)
            else:
                self._others[name] = World(name, path, ways)

    def of_key(self, key: str) -> World:
        """Return the world of that ``Authorization``; 422 when it names one that cannot be."""
        match = _KEY.fullmatch(key.strip())
        return self.named(match[1]) if match else self.common

    def named(self, name: str) -> World:
        if not _NAME.fullmatch(name):
            raise _wrong("A world's name: 1 to 64 letters, digits, dots, dashes and underscores.")
        with self._lock:
            if name not in self._others:
                if len(self._others) >= MOST:
                    raise _wrong(f"There are {MOST} worlds already: DELETE /sandbox/worlds/NAME ends one.")
                world = self._others[name] = World(name, self._path(name), self._ways, empty=True)
                world.start()
            return self._others[name]

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._others)

    def end(self, name: str) -> bool:
        """End a world and forget it; False when there is none of that name."""
        with self._lock:
            world = self._others.pop(name, None)
        if world is None:
            return False
        world.close()
        _remove(self._path(name))
        return True

    def every(self) -> Iterator[World]:
        with self._lock:
            others = list(self._others.values())
        yield self.common
        yield from others

    def _path(self, name: str) -> Path:
        return self._state.with_name(f"{self._state.stem}.world-{name}{self._state.suffix}")


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _wrong(detail: str) -> Refused:
    return unprocessable("10015", "Invalid parameter", f"'world': {detail}", "/world")
