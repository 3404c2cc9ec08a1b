from typing import Any

import pytest
from django.db import transaction

from applications.editing import service
from applications.editing.adoption import UncertainCreate
from applications.editing.service import Conflict, create_application, delete_application, update_application
from applications.mirror.store import digest
from applications.models import CallControlApplication, Intent, TexmlApplication
from applications.pulls.pulls import pull
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import InsideTransaction
from portal.telnyx.errors import TelnyxRefused, TelnyxUncertain
from portal.telnyx.schemas import InvalidParameters
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx, remote_of
from tests.support.sandbox_ledger import requests
from tests.support.under_way import Meanwhile

ADA = Actor("user: ada")
NEW = {"application_name": "router", "webhook_event_url": "http://127.0.0.1:8000/x/"}


def test_create_stores_telnyxs_answer_and_asks_for_webhooks_in_version_2(sandbox_account: TelnyxAccount) -> None:
    row, trouble = create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    stored = CallControlApplication.objects.get()
    assert (stored.remote, trouble) == (remote_of(stored), "")
    assert (stored, stored.remote_digest, stored.webhook_api_version) == (row, digest(stored.remote), "2")
    noted = AuditEvent.objects.get()
    assert (noted.action, noted.object_id) == ("application.create", str(stored.pk))
    assert stored.history.get().history_change_reason == "created (user: ada)"


def test_a_create_is_noted_with_where_it_was_made_and_by_which_form(sandbox_account: TelnyxAccount) -> None:
    row, _ = create_application(CALL_CONTROL, sandbox_account, NEW, ADA, wish="a form")
    noted = AuditEvent.objects.get().details
    assert len(noted.pop("wanted")) == 64
    where = {"account": "sandbox", "kind": "call-control-applications", "telnyx_id": row.telnyx_id}
    assert noted == {"outcome": "done", "wish": "a form", **where}


def test_after_a_create_whose_outcome_is_not_known_one_of_another_name_is_made_as_ever(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    sandbox.faults.add({"method": "POST", "path": "/call_control_applications", "fault": "act_then_cut"})
    sandbox.faults.add({"method": "GET", "path": "/call_control_applications", "fault": "cut"})
    with pytest.raises(TelnyxUncertain):
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    asked, others = len(requests(sandbox, "GET")), ("application_name", "webhook_event_url")
    for name, value in zip(others, ("another", "https://another.example/"), strict=True):
        row, told = create_application(CALL_CONTROL, sandbox_account, NEW | {name: value}, ADA)
        assert (told, row.remote[name]) == ("", value)
    assert (len(requests(sandbox, "GET")), Intent.objects.count()) == (asked, 1)


def test_what_a_pull_had_brought_before_or_bears_no_time_is_not_taken_for_what_was_made(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    at_telnyx(sandbox_account, **NEW, webhook_api_version="2")
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    odd = at_telnyx(sandbox_account, **NEW, webhook_api_version="2")
    sandbox.store.save_application(CALL_CONTROL.resource, odd | {"created_at": "soon"})
    sandbox.faults.add({"method": "POST", "path": "/call_control_applications", "fault": "cut"})
    with pytest.raises(UncertainCreate, match="it may still come") as caught:
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)
    assert caught.value.candidates == []
    assert CallControlApplication.objects.get(account=sandbox_account).history.count() == 1


def test_another_webhook_version_can_be_asked_for(sandbox_account: TelnyxAccount) -> None:
    create_application(CALL_CONTROL, sandbox_account, {**NEW, "webhook_api_version": "1"}, ADA)
    stored = CallControlApplication.objects.get()
    assert stored.remote["webhook_api_version"] == stored.webhook_api_version == "1"
    assert remote_of(stored)["webhook_api_version"] == "1"


def test_tags_are_set_after_a_call_control_create(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    _, trouble = create_application(CALL_CONTROL, sandbox_account, {**NEW, "tags": ["a", "b"]}, ADA)
    stored = CallControlApplication.objects.get()
    assert (remote_of(stored)["tags"], stored.tags, trouble) == (["a", "b"], ["a", "b"], "")
    create_application(CALL_CONTROL, sandbox_account, {**NEW, "application_name": "none", "tags": []}, ADA)
    assert len(requests(sandbox, "PATCH")) == 1


def test_tags_are_part_of_a_texml_create(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    values = {"friendly_name": "ivr", "voice_url": "http://127.0.0.1:8000/x/", "tags": ["a"]}
    create_application(TEXML, sandbox_account, values, ADA)
    assert TexmlApplication.objects.get().tags == ["a"]
    assert not requests(sandbox, "PATCH")


def test_an_application_whose_tags_failed_is_kept_and_it_is_said(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    sandbox.faults.add({"method": "PATCH", "path": "/call_control_applications", "fault": "status", "value": 500})
    row, trouble = create_application(CALL_CONTROL, sandbox_account, {**NEW, "tags": ["a"]}, ADA)
    stored = CallControlApplication.objects.get()
    assert (stored, stored.tags, stored.application_name) == (row, [], "router")
    assert "tags could not be set" in trouble


def test_wrong_values_cost_no_request(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    with pytest.raises(InvalidParameters) as caught:
        create_application(CALL_CONTROL, sandbox_account, {"application_name": 5, "tags": "x", "nonsense": 1}, ADA)
    assert set(caught.value.errors) == {"application_name", "webhook_event_url", "tags", "nonsense"}
    assert not requests(sandbox, "POST")


def test_update_sends_both_required_fields_and_what_changes_alone(
    mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored(inbound={"sip_subdomain": "sub", "channel_limit": 3})
    sent = _recorded(monkeypatch)
    update_application(row, {"inbound": {"channel_limit": 4}}, ADA)
    assert sent == {
        "application_name": "router",
        "webhook_event_url": row.webhook_event_url,
        "inbound": {"channel_limit": 4},
    }
    row.refresh_from_db()
    assert (row.inbound["channel_limit"], row.inbound["sip_subdomain"], row.remote) == (4, "sub", remote_of(row))
    assert AuditEvent.objects.get(action="application.update").details == {
        "telnyx_id": row.telnyx_id,
        "changed": ["inbound.channel_limit"],
        "was": {"inbound.channel_limit": 3},
        "now": {"inbound.channel_limit": 4},
    }


def test_a_cleared_value_is_sent_as_null_and_telnyx_judges(mirrored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = mirrored(outbound={"channel_limit": 3})
    sent = _recorded(monkeypatch)
    update_application(row, {"outbound": {"channel_limit": None}}, ADA)
    assert sent["outbound"] == {"channel_limit": None}
    assert remote_of(row)["outbound"]["channel_limit"] is None
    row.refresh_from_db()
    assert row.outbound["channel_limit"] is None


@pytest.mark.parametrize("value", [0, None, 5])
def test_zero_null_and_absent_are_three_things(mirrored: Any, monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    row = mirrored(first_command_timeout=False, inbound={"channel_limit": 7})
    sent = _recorded(monkeypatch)
    update_application(row, {"inbound": {"channel_limit": value}}, ADA)
    assert sent["inbound"] == {"channel_limit": value}
    assert set(sent) == {"application_name", "webhook_event_url", "inbound"}
    assert remote_of(row)["inbound"]["channel_limit"] == value


def test_what_others_changed_and_is_not_touched_here_is_kept(mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row = mirrored()
    base = row.remote_digest
    change_at_telnyx(sandbox_account, row.remote, application_name="renamed", inbound={"channel_limit": 9})
    update_application(row, {"dtmf_type": "Inband"}, ADA, base_digest=base)
    there = remote_of(row)
    assert (there["application_name"], there["inbound"]["channel_limit"], there["dtmf_type"]) == (
        "renamed",
        9,
        "Inband",
    )
    row.refresh_from_db()
    assert row.remote == there


def test_the_same_field_changed_on_both_sides_is_a_conflict(
    sandbox: Sandbox, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    base = row.remote_digest
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    before = len(requests(sandbox, "PATCH"))
    with pytest.raises(Conflict) as caught:
        update_application(row, {"application_name": "mine", "active": False}, ADA, base_digest=base)
    both = caught.value.fields["application_name"]
    assert (both.base, both.theirs, both.mine) == ("router", "theirs", "mine")
    assert set(caught.value.fields) == {"application_name"}
    assert len(requests(sandbox, "PATCH")) == before
    row.refresh_from_db()
    assert row.application_name == "theirs"


def test_the_same_change_on_both_sides_is_no_conflict(
    sandbox: Sandbox, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    change_at_telnyx(sandbox_account, row.remote, application_name="same")
    before = len(requests(sandbox, "PATCH"))
    update_application(row, {"application_name": "same"}, ADA, base_digest=row.remote_digest)
    row.refresh_from_db()
    assert (row.application_name, len(requests(sandbox, "PATCH"))) == ("same", before)


def test_the_base_is_found_in_the_history(mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row = mirrored()
    base = row.remote_digest
    update_application(row, {"application_name": "second"}, ADA)
    with pytest.raises(Conflict):
        update_application(row, {"application_name": "third"}, ADA, base_digest=base)
    row.refresh_from_db()
    update_application(row, {"application_name": "third"}, ADA, base_digest=row.remote_digest)
    assert remote_of(row)["application_name"] == "third"
    row.refresh_from_db()
    assert row.application_name == "third"


def test_a_base_that_nobody_knows_conflicts_instead_of_overwriting(mirrored: Any) -> None:
    with pytest.raises(Conflict):
        update_application(mirrored(), {"application_name": "mine"}, ADA, base_digest="f" * 64)


def test_of_a_base_that_nobody_knows_a_null_at_telnyx_conflicts_as_well_and_what_is_there_already_does_not(
    mirrored: Any, sandbox: Sandbox
) -> None:
    row, unknown = mirrored(dtmf_type="Inband"), "f" * 64
    already = {"application_name": "router", "dtmf_type": "Inband", "inbound": {"channel_limit": None}}
    with pytest.raises(Conflict) as caught:
        update_application(row, {**already, "outbound": {"channel_limit": 3}}, ADA, base_digest=unknown)
    both = caught.value.fields.pop("outbound.channel_limit")
    assert (both.base, both.theirs, both.mine, caught.value.fields) == (None, None, 3, {})
    update_application(row, already, ADA, base_digest=unknown)
    assert requests(sandbox, "PATCH") == []


def test_an_expected_state_that_is_gone_is_a_conflict(mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row = mirrored()
    seen = row.remote_digest
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    with pytest.raises(Conflict):
        update_application(row, {"active": False}, ADA, expected=[seen])
    with pytest.raises(Conflict):
        delete_application(row, ADA, expected=[seen])
    assert digest(remote_of(row)) != seen


def test_a_refusal_names_its_field_and_changes_nothing(mirrored: Any) -> None:
    row = mirrored()
    with pytest.raises(TelnyxRefused) as caught:
        update_application(row, {"webhook_timeout_secs": 31}, ADA)
    assert list(caught.value.fields) == ["webhook_timeout_secs"]
    row.refresh_from_db()
    assert row.webhook_timeout_secs is None


def test_an_update_of_one_that_is_gone_marks_it_missing(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    sandbox.store.delete_application(row.telnyx_id)
    with pytest.raises(TelnyxRefused):
        update_application(row, {"active": False}, ADA)
    row.refresh_from_db()
    assert row.missing_since


def test_delete_keeps_the_row_marked_missing(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    delete_application(row, ADA)
    row.refresh_from_db()
    assert row.missing_since
    assert sandbox.store.applications("call_control_applications") == []
    assert AuditEvent.objects.get().action == "application.delete"


def test_deleting_one_that_is_gone_counts_as_done(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    sandbox.store.delete_application(row.telnyx_id)
    delete_application(row, ADA)
    row.refresh_from_db()
    assert row.missing_since
    assert AuditEvent.objects.get().action == "application.delete"


def test_a_failed_deletion_marks_nothing(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    sandbox.faults.add({"method": "DELETE", "path": "/call_control_applications", "fault": "status", "value": 500})
    with pytest.raises(TelnyxUncertain):
        delete_application(row, ADA)
    row.refresh_from_db()
    assert row.missing_since is None


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "cut"},
        {"fault": "status", "value": 401},
        {"fault": "status", "value": 404, "body": {}},  # of something that stands before Telnyx
    ],
    ids=["no answer", "a refused key", "a proxy's 404"],
)
def test_a_deletion_whose_answer_was_lost_is_done_only_if_telnyx_says_so(
    mirrored: Any, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    row = mirrored()
    for method, what in (("DELETE", {"fault": "act_then_cut"}), ("GET", fault)):
        sandbox.faults.add({"method": method, "path": "/call_control_applications", **what})
    with pytest.raises(TelnyxUncertain):
        delete_application(row, ADA)
    row.refresh_from_db()
    assert (row.missing_since, sandbox.faults.as_json()) == (None, [])


def test_a_change_whose_answer_was_lost_is_uncertain_though_telnyx_cannot_be_asked_afterwards(
    mirrored: Any, sandbox: Sandbox, meanwhile: Meanwhile
) -> None:
    row = mirrored()

    def go_away() -> None:
        for method, fault in (("PATCH", "act_then_cut"), ("GET", "cut")):
            sandbox.faults.add({"method": method, "path": "/call_control_applications", "fault": fault})

    meanwhile.before("PATCH", go_away)
    with pytest.raises(TelnyxUncertain):
        update_application(row, {"webhook_timeout_secs": 9}, ADA)
    row.refresh_from_db()
    assert (row.webhook_timeout_secs, Intent.objects.get().verb, sandbox.faults.as_json()) == (None, "update", [])


@pytest.mark.django_db(transaction=True)
def test_no_service_runs_inside_a_transaction(sandbox_account: TelnyxAccount) -> None:
    with transaction.atomic(), pytest.raises(InsideTransaction):
        create_application(CALL_CONTROL, sandbox_account, NEW, ADA)


def _recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Fills with the body of the next PATCH, which still goes to the sandbox."""
    sent: dict[str, Any] = {}
    real = service.ask

    def recording(account: Any, method: str, *path: str, **values: Any) -> Any:
        if method.endswith(".update"):
            sent.update(values)
        return real(account, method, *path, **values)

    monkeypatch.setattr(service, "ask", recording)
    return sent
