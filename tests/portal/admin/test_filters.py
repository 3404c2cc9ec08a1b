"""A range of days is filtered whole."""

import pytest
from django.utils import timezone

from portal.models import AuditEvent

AUDIT = "/admin/portal/auditevent/"


def test_the_audit_trail_is_filtered_by_action_and_date(browser):
    AuditEvent.objects.create(actor="a", action="call.dial", object_label="the wanted")
    AuditEvent.objects.create(actor="a", action="token.make", object_label="the other")
    page = browser.get(AUDIT, {"action": "call.dial"}).content.decode()
    assert "the wanted" in page
    assert "the other" not in page
    today, before = timezone.now().date(), {"at_from": "2001-01-01", "at_to": "2001-01-02"}
    assert (
        "the wanted" in browser.get(AUDIT, {"at_from": today.isoformat(), "at_to": today.isoformat()}).content.decode()
    )
    assert "the wanted" not in browser.get(AUDIT, before).content.decode()


@pytest.mark.parametrize("day", ["nonsense", "2024-02-31", "9999-12-31", "0001-01-01", ""])
def test_a_day_that_is_none_filters_nothing(browser, day):
    assert browser.get(AUDIT, {"at_from": day, "at_to": day}).status_code == 200
