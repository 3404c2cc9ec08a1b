"""A thread waits for PostgreSQL as long as its patience lasts."""

import threading
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from portal.statement_timeout import TimedConnection, statement_timeout


class Wire:
    """What a connection waits on, in the state that it is given."""

    def __init__(self, status: TransactionStatus) -> None:
        self.transaction_status, self.status = status, 0


class Connection(TimedConnection):
    """One without a server: what it waits for is told by ``limits``."""

    def __init__(self, status: TransactionStatus = TransactionStatus.IDLE) -> None:
        self.pgconn: Any = Wire(status)
        self.is_closed, self.drained = False, 0
        self._pool: Any = self

    def drain(self) -> None:
        self.drained += 1

    def close(self) -> None:
        self.is_closed = True

    @property
    def closed(self) -> bool:
        return self.is_closed

    def __del__(self) -> None:
        """Nothing is open."""


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The limit that each wait is given."""
    told: list[Any] = []
    monkeypatch.setattr(psycopg.Connection, "wait", lambda self, gen, interval, limit: told.append(limit))
    return told


def test_each_wait_has_the_patience_of_its_thread(limits: list[Any]) -> None:
    connection = Connection()
    connection.wait(None)
    with statement_timeout(10):
        connection.wait(None)
        with statement_timeout(2):
            connection.wait(None)
            other = threading.Thread(target=connection.wait, args=(None,))
            other.start()
            other.join()
        connection.wait(None)
        connection.wait(None, timeout=1)
    connection.wait(None)
    assert limits == [None, 10, 2, None, 10, 1, None]


@pytest.mark.parametrize(("status", "gives_up"), [(TransactionStatus.ACTIVE, True), (TransactionStatus.INTRANS, False)])
def test_who_gave_up_waiting_closes_and_has_the_others_replaced(
    monkeypatch: pytest.MonkeyPatch, status: TransactionStatus, gives_up: bool
) -> None:
    def wait(*_: Any) -> None:
        raise psycopg.OperationalError("it takes too long")

    monkeypatch.setattr(psycopg.Connection, "wait", wait)
    connection = Connection(status)
    with pytest.raises(psycopg.OperationalError):
        connection.wait(None)
    assert (connection.closed, connection.drained) == (gives_up, int(gives_up))
