import threading
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils.safestring import mark_safe

from applications.models import CallControlApplication, Pull, TexmlApplication
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import client_for
from tests.support.application_pages import drawn, page_url
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx, remote_of
from tests.support.clock import Gate
from tests.support.sandbox_ledger import requests

# list


def test_the_list_shows_name_id_account_host_and_warnings(browser: Client, mirrored: Any) -> None:
    row = mirrored(webhook_event_url="https://elsewhere.example/hook")
    page = browser.get(page_url("changelist")).content.decode()
    assert row.telnyx_id in page
    assert ">SANDBOX<" in page
    assert "elsewhere.example" in page
    assert "old format" in page
    assert "calls appear here only through backfill" in page


@pytest.mark.usefixtures("only_account")
def test_the_list_is_searched_by_name_and_id_and_hides_the_missing(browser: Client, mirrored: Any) -> None:
    kept, gone = mirrored(name="kept"), mirrored(name="gone")
    CallControlApplication.objects.filter(pk=gone.pk).update(missing_since=gone.pulled_at)

    def found(**query: str) -> set[str]:
        return {row.name for row in browser.get(page_url("changelist"), query).context["cl"].result_list}

    assert found() == {"kept"}
    assert found(missing="true") == {"gone"}
    assert found(missing="all") == {"kept", "gone"}
    assert found(q="kep") == {"kept"}
    assert found(q=kept.telnyx_id) == {"kept"}
    assert found(active__exact="1", webhook_api_version="1") == {"kept"}


@pytest.mark.usefixtures("only_account")
def test_no_stock_action_can_delete(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    browser.post(page_url("changelist"), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert CallControlApplication.objects.get().missing_since is None


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_pull_now_brings_what_is_there_and_tells_counts(browser: Client, sandbox_account: TelnyxAccount) -> None:
    at_telnyx(sandbox_account)
    answer = browser.post(page_url("pull"), follow=True)
    assert [str(message) for message in answer.context["messages"]] == [
        "sandbox: 1 created, 0 updated, 0 missing, 0 unchanged."
    ]
    assert b"1 created, 0 updated" in browser.get(page_url("changelist")).content
    assert Pull.objects.get().requested_by == "user: operator"


@pytest.mark.django_db(transaction=True)
def test_a_stopped_pull_offers_to_accept_the_missing_ones(browser: Client, sandbox: Sandbox, mirrored: Any) -> None:
    for row in [mirrored(name="one"), mirrored(name="two")]:
        sandbox.store.delete_application(row.telnyx_id)
    browser.post(page_url("pull"))
    assert b'name="accept_missing" value="sandbox"' in browser.get(page_url("changelist")).content
    browser.post(page_url("pull"), {"accept_missing": "sandbox"})
    assert CallControlApplication.objects.exclude(missing_since=None).count() == 2


def test_pull_now_is_a_post(browser: Client, account: TelnyxAccount) -> None:
    assert browser.get(page_url("pull")).status_code == 403
    assert not Pull.objects.exists()


# add


@pytest.mark.usefixtures("only_account")
def test_adding_creates_at_telnyx_with_all_that_was_filled_in(browser: Client, sandbox_account: TelnyxAccount) -> None:
    values = drawn(browser, page_url("add")) | {
        "application_name": "desk",
        "inbound.channel_limit": "5",
        "active": "false",
    }
    answer = browser.post(page_url("add"), values | {"tags": "one\r\ntwo", "outbound.outbound_voice_profile_id": "77"})
    row = CallControlApplication.objects.get()
    assert answer.status_code == 302
    assert (row.active, row.tags, row.inbound["channel_limit"]) == (False, ["one", "two"], 5)
    assert (row.outbound["outbound_voice_profile_id"], row.webhook_event_url) == ("77", sandbox_account.webhook_url)
    assert row.remote == remote_of(row)
    assert LogEntry.objects.get().object_id == str(row.pk)
    assert AuditEvent.objects.filter(action="application.create").count() == 1


@pytest.mark.usefixtures("only_account")
def test_a_texml_application_is_added_as_well(browser: Client, sandbox_account: TelnyxAccount) -> None:
    url = page_url("add", kind=TEXML)
    browser.post(url, drawn(browser, url) | {"friendly_name": "ivr", "voice_url": "https://a.example/x"})
    assert TexmlApplication.objects.get().voice_url == "https://a.example/x"


# change


def test_the_page_shows_the_account_the_facts_and_the_whole_answer(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    page = browser.get(page_url("change", row.pk)).content.decode()
    for text in (">SANDBOX<", row.telnyx_id, "Telnyx&#x27;s whole answer", "&quot;record_type&quot;"):
        assert text in page
    TelnyxAccount.objects.update(base_url="https://api.telnyx.com/v2")
    assert 'portal-bad">LIVE<' in browser.get(page_url("change", row.pk)).content.decode()


def test_saving_sends_only_what_was_touched_and_logs_it(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored(inbound={"sip_subdomain": "sub"})
    url = page_url("change", row.pk)
    answer = browser.post(url, drawn(browser, url) | {"application_name": "renamed"})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.application_name, row.inbound["sip_subdomain"]) == ("renamed", "sub")
    assert AuditEvent.objects.get(action="application.update").details["changed"] == ["application_name"]
    assert "Application name" in LogEntry.objects.get().get_change_message()
    assert row.history.first().history_user.username == "operator"


def test_what_others_changed_elsewhere_is_kept_by_a_save(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    url = page_url("change", row.pk)
    values = drawn(browser, url) | {"active": "false"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    assert browser.post(url, values).status_code == 302
    there = remote_of(row)
    assert (there["application_name"], there["active"]) == ("theirs", False)


def test_save_as_new_is_no_way_in(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    url = page_url("change", mirrored().pk)
    before = len(requests(sandbox))
    assert browser.post(url, drawn(browser, url) | {"_saveasnew": "1"}).status_code == 403
    assert len(requests(sandbox)) == before


@pytest.mark.django_db(transaction=True)
def test_saving_holds_no_transaction_while_telnyx_is_asked(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount, gate: Gate
) -> None:
    row = mirrored()
    url = page_url("change", row.pk)
    values = drawn(browser, url) | {"application_name": "slow"}
    sandbox.faults.add({"method": "PATCH", "path": "/call_control_applications", "fault": "drip", "value": 1})
    answers: list[Any] = []

    def save() -> None:
        try:
            answers.append(browser.post(url, values))
        finally:
            client_for(sandbox_account).close()
            connections.close_all()

    saving = threading.Thread(target=save)
    saving.start()
    assert gate.reached.wait(60)
    AuditEvent.note(PORTAL, "a write meanwhile")
    assert saving.is_alive(), "the write waited until the save was over"
    gate.opened.set()
    saving.join()
    row.refresh_from_db()
    assert (answers[0].status_code, row.application_name) == (302, "slow")


# panels and history


def fake_panel(request: Any, application: Any) -> str:
    return mark_safe(f"<b>calls of {application.telnyx_id}</b>")


def test_panels_hang_on_the_page_by_dotted_name(browser: Client, mirrored: Any, settings: Any) -> None:
    row = mirrored()
    settings.APPLICATION_PANELS = {"calls": f"{__name__}.fake_panel"}
    assert f"<b>calls of {row.telnyx_id}</b>".encode() in browser.get(page_url("change", row.pk)).content
    assert browser.get(page_url("add")).status_code == 200


# delete


def test_an_unknown_row_is_no_error_page(browser: Client, account: TelnyxAccount) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for name in ("change", "delete"):
        assert browser.post(page_url(name, nobody), {"post": "yes"}).status_code == 302
        assert browser.post(page_url(name, "nonsense"), {"post": "yes"}).status_code == 302


# permissions

_PAGES = [
    ("get", "changelist", "view"),
    ("get", "change", "view"),
    ("get", "history", "view"),
    ("get", "add", "add"),
    ("post", "add", "add"),
    ("post", "change", "change"),
    ("post", "pull", "change"),
    ("get", "delete", "delete"),
    ("post", "delete", "delete"),
]


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
@pytest.mark.parametrize(("method", "name", "verb"), _PAGES)
def test_each_page_needs_its_permission(
    client: Client, user_with: Any, mirrored: Any, sandbox: Sandbox, kind: Any, method: str, name: str, verb: str
) -> None:
    row = mirrored(kind)
    url = page_url(name, *([row.pk] if name in {"change", "delete", "history"} else []), kind=kind)
    values = _valid(row, url, name) if method == "post" else {}
    before = len(requests(sandbox))
    assert getattr(client, method)(url).status_code == 302  # to the sign-in
    others = {"view", "add", "change", "delete"} - {verb} - ({"change"} if verb == "view" else set())
    client.force_login(user_with(*(kind.permission(other) for other in others), username="without"))
    assert getattr(client, method)(url, {"post": "yes"}).status_code == 403
    assert len(requests(sandbox)) == before
    assert getattr(client, method)(url, values).status_code == 403
    assert len(requests(sandbox)) == before
    client.force_login(user_with(kind.permission(verb), username="with"))
    with patch("applications.admin.pull_pages.pull_within", return_value=Pull(state="done", account=row.account)):
        allowed = getattr(client, method)(url, values)
    assert allowed.status_code == (302 if method == "post" else 200)
    sent = [line["method"] for line in requests(sandbox)[before:] if line["method"] != "GET"]
    assert sent == {"add": ["POST"], "change": ["PATCH"], "delete": ["DELETE"]}.get(
        name if method == "post" else "", []
    )


def _valid(row: Any, url: str, name: str) -> dict[str, Any]:
    """What the page takes from somebody who may."""
    if name not in {"add", "change"}:
        return {"confirmed_name": row.name} if name == "delete" else {}
    administrator = Client()
    administrator.force_login(User.objects.create_superuser("administrator"))
    changed = {row.name_field: "sneaked in", row.url_field: "https://a.example/", "account": str(row.account.pk)}
    return drawn(administrator, url) | changed


def test_who_may_only_look_sees_every_setting_and_no_form(client: Client, user_with: Any, mirrored: Any) -> None:
    row = mirrored(inbound={"sip_subdomain": "sub.example"})
    client.force_login(user_with("applications.view_callcontrolapplication"))
    page = client.get(page_url("change", row.pk)).content.decode()
    assert "Inbound SIP subdomain" in page
    assert "sub.example" in page
    assert 'name="application_name"' not in page
    assert "Pull now" not in client.get(page_url("changelist")).content.decode()
