"""Limits how long a thread waits for PostgreSQL.

A database that is frozen answers nothing, while its kernel still takes what is sent: no time-out of the server's runs,
none of TCP's strikes, and each request would hold a thread of the web server for ever.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus

from portal import compiled_times

_FRESH_SECONDS = 1.0  # one that answered so lately is not asked whether it still does
_kept = threading.local()


@contextmanager
def statement_timeout(seconds: float) -> Iterator[None]:
    """Limit how long the database may take to answer each statement of this thread.

    Then ``OperationalError``, and the connection is closed, since nobody knows what became of the statement.
    """
    before = getattr(_kept, "seconds", None)
    _kept.seconds = seconds
    try:
        yield
    finally:
        _kept.seconds = before


class TimedConnection(psycopg.Connection[Any]):
    """Waits for PostgreSQL no longer than the thread that uses it may. Without a limit it waits as long as it takes.

    One that broke has its pool replace the others: of a database that went down, each would cost somebody an error. The
    pool asks each that it hands out whether it still leads anywhere (``CONN_HEALTH_CHECKS``): where it has been idle.
    """

    _answered_at = 0.0

    @classmethod
    def connect(cls, *arguments: Any, **options: Any) -> Self:
        connection = super().connect(*arguments, **options)
        compiled_times.register(connection)
        return connection

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        if query == "" and time.monotonic() - self._answered_at < _FRESH_SECONDS:  # the pool's question
            return None
        return super().execute(query, *arguments, **options)

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        limit = getattr(_kept, "seconds", None) if timeout is None else timeout
        try:
            answer = super().wait(gen, interval, limit)
            self._answered_at = time.monotonic()
            return answer
        except psycopg.errors.FeatureNotSupported:
            self.close()  # a migration changed what a prepared statement answers; a new connection prepares it anew
            raise
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:  # still waiting: it gave up
                self.close()
            pool = getattr(self, "_pool", None)
            if self.closed and pool is not None:
                pool.drain()
            raise
