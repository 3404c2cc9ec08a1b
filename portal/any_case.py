"""Finds texts in capitals or not, on SQLite as on PostgreSQL: SQLite by itself knows the capitals of ASCII alone.

The look-ups of Django's that ask so, ``iexact``, ``icontains``, ``istartswith``, ``iendswith``, raise both sides on
PostgreSQL; here they do it on SQLite, by a function of ours. No index is lost: SQLite has none for them.
"""

from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import CharField, TextField, lookups

_RAISED = "RAISED"


def capitals(text: Any) -> Any:
    """Return a text in capitals, character by character as PostgreSQL does it: ``ß`` stays, which has no single one."""
    if not isinstance(text, str):
        return text
    raised = text.upper()
    if len(raised) == len(text):
        return raised
    return "".join(one.upper() if len(one.upper()) == 1 else one for one in text)


class _Raised(lookups.BuiltinLookup):
    """Compares both sides in capitals on SQLite; ``ESCAPE`` stands last, behind the value."""

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        left, values = self.process_lhs(compiler, connection)
        right, asked = self.process_rhs(compiler, connection)
        operator = self.get_rhs_op(connection, f"{_RAISED}({right})")
        return f"{_RAISED}({left}) {operator}", [*values, *asked]


class _IExact(_Raised, lookups.IExact):
    pass


class _IContains(_Raised, lookups.IContains):
    pass


class _IStartsWith(_Raised, lookups.IStartsWith):
    pass


class _IEndsWith(_Raised, lookups.IEndsWith):
    pass


def _teach(sender: Any, connection: Any, **_: Any) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_function(_RAISED, 1, capitals, deterministic=True)


def register() -> None:
    """Make the look-ups of all texts these, and have each new connection know the function."""
    for lookup in (_IExact, _IContains, _IStartsWith, _IEndsWith):
        for field in (CharField, TextField):
            field.register_lookup(lookup)
    connection_created.connect(_teach, dispatch_uid="portal.any_case")
