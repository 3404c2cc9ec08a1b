"""What migrations of the core make of rows that were there before."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from portal.models import MOST_DAYS, ApiToken

pytestmark = pytest.mark.django_db
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_a_token_that_ended_with_the_calendar_is_listed_and_used(browser: Client, operator: User) -> None:
    ends = {"never": None, "usual": timezone.now() + timedelta(days=90), "last": LAST, "later": LAST}
    texts = {name: ApiToken.make(operator, name, expires_at=end)[1] for name, end in ends.items()}
    if connection.vendor == "postgresql":  # which keeps what was typed for a zone west of UTC; SQLite refuses it
        with connection.cursor() as cursor:
            cursor.execute("UPDATE portal_apitoken SET expires_at = '10000-01-01 04:59:59+00' WHERE name = 'later'")
    import_module("portal.migrations.0011_token_ends").bound(apps, SimpleNamespace(connection=connection))
    found = dict(ApiToken.objects.values_list("name", "expires_at"))
    latest = timezone.now() + timedelta(days=MOST_DAYS)
    assert (found["never"], found["usual"]) == (None, ends["usual"])
    assert found["last"] == found["later"]
    assert latest - timedelta(days=1) < found["last"] <= latest
    assert browser.get("/admin/portal/apitoken/").status_code == 200
    assert all(ApiToken.find(text) for text in texts.values())
