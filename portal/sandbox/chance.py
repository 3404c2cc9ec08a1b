"""Draws what is random in a world, ids above all: the same again and again for who gives the same seed.

Whoever does something in a world does it ``within`` its chance.
"""

import base64
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Chance:
    """Draws by a seed, or without one as nobody can foresee."""

    def __init__(self, seed: str | None = None) -> None:
        self._source = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311  asked for

    def bits(self, count: int) -> int:
        return self._source.getrandbits(count)

    def percent(self) -> float:
        """Return a number from 0 to less than 100."""
        return self._source.random() * 100


_current: ContextVar[Chance] = ContextVar("chance", default=Chance())  # noqa: B039  keeps nothing


def bits(count: int) -> int:
    """Return a number of so many bits."""
    return _current.get().bits(count)


def percent() -> float:
    return _current.get().percent()


def new_uuid() -> str:
    """Return a random UUID (version 4)."""
    return str(uuid.UUID(int=bits(128), version=4))


def token(count: int) -> str:
    """Return so many random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(bits(count * 8).to_bytes(count)).rstrip(b"=").decode()


def hexadecimal(count: int) -> str:
    """Return so many random bytes in hexadecimal digits."""
    return bits(count * 8).to_bytes(count).hex()


def enter(chance: Chance) -> None:
    """Let everything that this thread draws from now on be drawn there."""
    _current.set(chance)


@contextmanager
def within(chance: Chance) -> Iterator[None]:
    """Let what is drawn be drawn there."""
    before = _current.set(chance)
    try:
        yield
    finally:
        _current.reset(before)
