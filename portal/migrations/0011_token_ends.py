"""Tokens that ended where the calendar does end within 100 years: PostgreSQL keeps a year 10000, Python reads none."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import migrations
from django.utils import timezone


def bound(apps: Any, schema_editor: Any) -> None:
    """Set the end of those to the latest that a new token may have; the rows are not read."""
    tokens = apps.get_model("portal", "ApiToken").objects.using(schema_editor.connection.alias)
    latest = timezone.now() + timedelta(days=36_500)
    tokens.filter(expires_at__gte=datetime(9999, 1, 1, tzinfo=UTC)).order_by().update(expires_at=latest)


class Migration(migrations.Migration):
    dependencies = [("portal", "0010_list_columns")]

    operations = [migrations.RunPython(bound, migrations.RunPython.noop, elidable=True)]
