"""The core's rows."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from portal.actors import PORTAL, Actor
from portal.models import ApiToken, AuditEvent, TelnyxAccount
from tests.support.accounts import make_account


def test_an_audit_event_is_neither_changed_nor_deleted(account):
    AuditEvent.note(PORTAL, "account.test", account, why="a test")
    event = AuditEvent.objects.get()
    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        event.delete()
    assert (event.actor, event.object_type, event.object_id) == ("portal", "portal.telnyxaccount", str(account.pk))
    assert event.details == {"why": "a test"}


def test_audit_events_are_not_changed_or_deleted_in_bulk_either(db):
    AuditEvent.note(PORTAL, "test")
    with pytest.raises(TypeError):
        AuditEvent.objects.all().delete()
    with pytest.raises(TypeError):
        AuditEvent.objects.update(actor="somebody else")
    assert AuditEvent.objects.get().actor == "portal"


def test_deleting_a_user_keeps_what_they_did(operator):
    AuditEvent.note(Actor("user: operator", operator), "call.dial")
    operator.delete()
    event = AuditEvent.objects.get()
    assert (event.actor, event.user) == ("user: operator", None)


@pytest.mark.parametrize(
    ("url", "live"),
    [
        ("https://api.telnyx.com/v2", True),
        ("http://127.0.0.1:8001/v2", False),
        ("http://localhost:8001/v2", False),
        ("http://[::1]:8001/v2", False),
        ("http://127.0.0.1.example.com/v2", True),
    ],
)
def test_only_a_loopback_address_is_not_live(url, live):
    assert TelnyxAccount(base_url=url).is_live is live


def test_an_accounts_address_must_be_one_of_an_api(account):
    for url in ("api.telnyx.com/v2", "ftp://x/v2", "https://api.telnyx.com", "https:///v2"):
        account.base_url = url
        with pytest.raises(ValidationError):
            account.full_clean()


def test_webhook_tokens_are_long_and_never_the_same(db):
    one, two = make_account("one"), make_account("two")
    assert one.webhook_token != two.webhook_token
    assert len(one.webhook_token) >= 43


def test_only_a_hash_of_a_token_is_stored(operator):
    token, text = ApiToken.make(operator, "ci")
    stored = str(ApiToken.objects.filter(pk=token.pk).values())
    assert text not in stored
    assert text.partition(".")[2] not in stored
    assert ApiToken.find(text) == token


@pytest.mark.parametrize("text", ["", "tvp_", "tvp_x.y", "x" * 10_000, "tvp_\x00.\x00", "§", "."])
def test_nonsense_finds_no_token(operator, text):
    ApiToken.make(operator, "ci")
    assert ApiToken.find(text) is None


def test_a_token_without_its_prefix_is_not_the_token(operator):
    _, text = ApiToken.make(operator, "ci")
    assert ApiToken.find(text.removeprefix("tvp_")) is None


def test_a_token_of_an_inactive_user_is_not_found(operator):
    _, text = ApiToken.make(operator, "ci")
    operator.is_active = False
    operator.save()
    assert ApiToken.find(text) is None


def test_last_use_is_written_at_most_once_a_minute(operator):
    token, text = ApiToken.make(operator, "ci")
    token.mark_used()
    token.refresh_from_db()
    first = token.last_used_at
    token.mark_used()
    token.refresh_from_db()
    assert token.last_used_at == first
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    ApiToken.find(text).mark_used()
    token.refresh_from_db()
    assert token.last_used_at > first
