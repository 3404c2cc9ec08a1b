"""The core's rows."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import RequestFactory
from django.utils import timezone

from portal.actors import PORTAL, Actor
from portal.admin.navigation import badge
from portal.models import ApiToken, AuditEvent, Heartbeat, IdempotentReply, TelnyxAccount
from portal.tasks import clean_up, heartbeat
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


def test_the_groups_are_made_with_their_permissions(db):
    def has(group: str) -> set[str]:
        rows = Group.objects.get(name=group).permissions.values_list("content_type__app_label", "codename")
        return {".".join(row) for row in rows}

    assert {"portal.add_apitoken", "auth.change_user", "voice.dial", "portal.change_telnyxaccount"} <= has(
        "Administrators"
    )
    assert {"voice.dial", "voice.control_call", "voice.view_call", "portal.view_telnyxaccount"} <= has("Operators")
    assert not {"portal.add_apitoken", "portal.change_telnyxaccount", "auth.view_user", "voice.view_raw_event"} & has(
        "Operators"
    )
    assert {"voice.view_call", "voice.view_callevent"} <= has("Support")
    assert all(name.partition(".")[2].startswith("view_") for name in has("Support"))
    assert not {"voice.view_full_number", "voice.view_raw_event", "portal.view_telnyxaccount"} & has("Support")
    assert {"voice.change_flow", "voice.replay_event", "applications.add_callcontrolapplication"} <= has("Developers")
    assert not {"voice.dial", "portal.change_telnyxaccount", "portal.add_apitoken"} & has("Developers")


def test_an_upgrade_gives_the_groups_its_new_permissions_and_leaves_what_people_changed(db):
    support = Group.objects.get(name="Support")
    support.permissions.remove(Permission.objects.get(codename="view_flow"))
    Permission.objects.get(codename="view_callevent").delete()  # as if this version were the first to have it
    call_command("migrate", verbosity=0)
    codenames = set(support.permissions.values_list("codename", flat=True))
    assert "view_callevent" in codenames
    assert "view_flow" not in codenames


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


def test_the_badge_says_live_as_soon_as_one_account_is(db):
    request = RequestFactory().get("/")
    make_account("one")
    assert badge(request)[0] == "SANDBOX"
    make_account("two", "https://api.telnyx.com/v2")
    assert badge(request)[0] == "LIVE"


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


def test_kept_replies_are_forgotten_after_a_day(operator):
    token, _ = ApiToken.make(operator, "ci")
    for key, hours in (("old", 25), ("young", 23)):
        IdempotentReply.objects.create(token=token, key=key, fingerprint="x")
        IdempotentReply.objects.filter(key=key).update(created_at=timezone.now() - timedelta(hours=hours))
    clean_up()
    assert [reply.key for reply in IdempotentReply.objects.all()] == ["young"]


def test_a_heartbeat_is_one_row(db):
    heartbeat()
    heartbeat()
    assert [beat.name for beat in Heartbeat.objects.all()] == ["worker"]
