"""How long a change is his who asked for it, and when what nobody has seen is given up: by reads of its own alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from applications.editing.service import create_application, update_application
from applications.models import EditLock, Intent
from applications.pulls.pulls import pull
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.errors import TelnyxUncertain
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, remote_of
from tests.support.telnyx_edits import edited, reasons
from tests.support.under_way import Dying, Meanwhile

pytestmark = pytest.mark.usefixtures("only_account")
ADA, BOB = Actor("user: ada"), Actor("user: bob")
ADAS, EVES = "changed (user: ada)", "changed at Telnyx by eve@example.com, found by pull (portal)"


def _asked_in_vain(sandbox: Sandbox, row: Any, values: dict[str, Any], actor: Actor = ADA, **ago: float) -> None:
    """He asked so long ago for what Telnyx has not done by now."""
    sandbox.faults.add({"method": "PATCH", "path": "/call_control_applications", "fault": "cut"})
    with pytest.raises(TelnyxUncertain):
        update_application(row, values, actor)
    intent = Intent.objects.latest("asked_at")
    Intent.objects.filter(pk=intent.pk).update(asked_at=intent.asked_at - timedelta(**ago))


@pytest.mark.parametrize(("seconds", "is_dated", "reason"), [(100, True, ADAS), (150, True, EVES), (150, False, ADAS)])
def test_what_changed_alone_is_his_if_telnyx_dates_it_within_two_minutes_or_not_at_all(
    sandbox: Sandbox, mirrored: Any, seconds: float, is_dated: bool, reason: str
) -> None:
    row = mirrored()
    _asked_in_vain(sandbox, row, {"webhook_timeout_secs": 9}, seconds=seconds)
    edited(sandbox, row, {"webhook_timeout_secs": 9}, "eve@example.com")
    if not is_dated:
        sandbox.store.save_application(CALL_CONTROL.resource, remote_of(row) | {"updated_at": None})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row) == [reason, "pulled (portal)"]


def test_what_several_asked_for_is_each_ones_the_oldest_first(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    _asked_in_vain(sandbox, row, {"webhook_timeout_secs": 9}, ADA)
    _asked_in_vain(sandbox, row, {"dtmf_type": "Inband"}, BOB)
    edited(sandbox, row, {"dtmf_type": "Inband", "webhook_timeout_secs": 9})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row) == ["changed (user: bob)", ADAS, "pulled (portal)"]
    assert not Intent.objects.exists()


@pytest.mark.parametrize(("seconds", "left"), [(30, 1), (90, 0)])
def test_a_pull_gives_up_what_its_own_account_asked_of_its_own_kind_a_minute_ago(
    sandbox: Sandbox, mirrored: Any, seconds: float, left: int
) -> None:
    row, other = mirrored(), make_account("other", sandbox.base_url, sandbox.public_key)
    _asked_in_vain(sandbox, row, {"webhook_timeout_secs": 9}, seconds=seconds)
    pull(CALL_CONTROL, other, PORTAL)
    pull(TEXML, row.account, PORTAL)
    assert Intent.objects.count() == 1
    pull(CALL_CONTROL, row.account, PORTAL)
    assert Intent.objects.count() == left
    noted = [(event.details["outcome"], event.object_id) for event in AuditEvent.objects.order_by("id")]
    assert noted == [("uncertain", str(row.pk)), ("not seen", str(row.pk))][: 2 - left]


def test_a_create_whose_process_died_is_not_taken_for_what_somebody_else_made_then(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, dying: Dying
) -> None:
    new = {"application_name": "router", "webhook_event_url": "https://portal.example/"}
    dying.after("POST")
    with pytest.raises(SystemExit):
        create_application(CALL_CONTROL, sandbox_account, new, ADA)
    for name, kind in (("another", CALL_CONTROL), ("router", TEXML)):
        at_telnyx(sandbox_account, kind, name=name)
        pull(kind, sandbox_account, PORTAL)
    Intent.objects.update(asked_at=Intent.objects.get().asked_at - timedelta(hours=2))
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    rows = CALL_CONTROL.rows(sandbox_account)
    assert {row.name: reasons(row) for row in rows} == {
        "router": ["created (user: ada)"],
        "another": ["pulled (portal)"],
    }


def test_what_is_carried_out_late_while_another_saves_is_his_who_asked(
    sandbox: Sandbox, mirrored: Any, meanwhile: Meanwhile
) -> None:
    row = mirrored()
    _asked_in_vain(sandbox, row, {"webhook_timeout_secs": 9})
    meanwhile.before("PATCH", lambda: edited(sandbox, row, {"webhook_timeout_secs": 9}))
    update_application(row, {"dtmf_type": "Inband"}, BOB)
    assert reasons(row) == ["changed (user: bob)", ADAS, "pulled (portal)"]
    assert not Intent.objects.exists()


def test_a_pull_counts_what_was_asked_for_here_what_others_changed_and_what_is_as_it_was(
    sandbox: Sandbox, mirrored: Any
) -> None:
    row, theirs = mirrored(), mirrored(name="theirs")
    mirrored(name="as it was")
    _asked_in_vain(sandbox, row, {"webhook_timeout_secs": 9})
    edited(sandbox, row, {"webhook_timeout_secs": 9})
    edited(sandbox, theirs, {"dtmf_type": "Inband"})
    record = pull(CALL_CONTROL, row.account, PORTAL)
    assert record.counts == {"created": 0, "updated": 2, "missing": 0, "unchanged": 1}


def test_what_is_open_of_another_application_makes_no_change_uncertain(sandbox: Sandbox, mirrored: Any) -> None:
    row, other = mirrored(), mirrored(name="other")
    _asked_in_vain(sandbox, other, {"webhook_timeout_secs": 9})
    sandbox.faults.add({"method": "PATCH", "path": "/call_control_applications", "fault": "act_then_cut"})
    assert update_application(row, {"dtmf_type": "Inband"}, BOB).dtmf_type == "Inband"
    assert [intent.telnyx_id for intent in Intent.objects.all()] == [other.telnyx_id]


def test_another_value_than_he_asked_for_is_not_his(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    _asked_in_vain(sandbox, row, {"webhook_timeout_secs": 9})
    edited(sandbox, row, {"webhook_timeout_secs": 10}, "eve@example.com")
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row) == [EVES, "pulled (portal)"]


def test_while_one_is_being_changed_a_pull_brings_what_became_of_the_others(sandbox: Sandbox, mirrored: Any) -> None:
    row, other = mirrored(), mirrored(name="other")
    until = timezone.now() + timedelta(seconds=30)
    EditLock.objects.create(subject=EditLock.subject_of(row), until=until)
    for one in (row, other):
        edited(sandbox, one, {"dtmf_type": "Inband"})
    pull(CALL_CONTROL, row.account, PORTAL)
    for one in (row, other):
        one.refresh_from_db()
    assert (row.dtmf_type, other.dtmf_type) == ("RFC 2833", "Inband")


def test_a_create_that_is_given_up_is_noted_of_no_application(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, mirrored: Any
) -> None:
    mirrored(name="another")
    sandbox.faults.add({"method": "POST", "path": "/call_control_applications", "fault": "cut"})
    new = {"application_name": "router", "webhook_event_url": "https://portal.example/"}
    with pytest.raises(TelnyxUncertain):
        create_application(CALL_CONTROL, sandbox_account, new, ADA)
    Intent.objects.update(asked_at=Intent.objects.get().asked_at - timedelta(hours=2))
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    noted = AuditEvent.objects.get(details__outcome="not seen")
    assert (noted.action, noted.actor, noted.object_id) == ("application.create", "user: ada", "")
