"""The audit trail is read, and nothing else."""

import pytest

from portal.models import AuditEvent

AUDIT = "/admin/portal/auditevent/"


def test_the_audit_trail_is_read_only_even_for_an_administrator(browser, operator):
    AuditEvent.objects.create(actor="user: ada", action="call.dial", object_id="v3:1", details={"to": "<b>"})
    event = AuditEvent.objects.get()
    page = browser.get(f"{AUDIT}{event.pk}/change/").content.decode()
    assert "&quot;to&quot;: &quot;&lt;b&gt;&quot;" in page
    assert browser.get(f"{AUDIT}add/").status_code == 403
    assert browser.post(f"{AUDIT}{event.pk}/change/", {"actor": "x"}).status_code == 403
    assert browser.post(f"{AUDIT}{event.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("words", ["ada", "call.d", "v3:one"])
def test_the_audit_trail_is_searched_by_actor_action_and_object(browser, words):
    AuditEvent.objects.create(actor="user: ada", action="call.dial", object_id="v3:one", object_label="the wanted")
    AuditEvent.objects.create(actor="user: bob", action="token.make", object_id="2", object_label="the other")
    page = browser.get(AUDIT, {"q": words}).content.decode()
    assert "the wanted" in page
    assert "the other" not in page
