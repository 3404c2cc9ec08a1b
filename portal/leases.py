"""Leases rows to whoever works them off. ``lease_until`` is also the time of the next try."""

from datetime import timedelta
from typing import Any, Self, TypeVar

from django.db.models import Model, Q, QuerySet

from portal import sql

M = TypeVar("M", bound=Model)


class Leased(QuerySet[M]):
    """Finds and leases rows by the database's clock: a web server's may be wrong."""

    def due(self) -> Self:
        """Keep the rows that nobody has, and whose next try has come."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lt=sql.Now()))

    def claim(self, span: timedelta, **values: Any) -> bool:
        """Lease the due ones of these rows, setting ``values`` as well; false when there was none."""
        return bool(self.due().update(lease_until=sql.Now() + span, **values))
