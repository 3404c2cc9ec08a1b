"""Which database the tests run on."""

from django.db import connection


def on_sqlite() -> bool:
    return connection.vendor == "sqlite"
