import re
import threading
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils.safestring import mark_safe

from applications.mirror.store import store
from applications.models import CallControlApplication, Pull, TexmlApplication
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import client_for
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx, remote_of
from tests.support.sandbox_ledger import requests

_FIELD = re.compile(r'name="([a-z_.0-9]+)"')


def _url(name: str, *args: Any, kind: Any = CALL_CONTROL) -> str:
    return reverse(f"admin:applications_{kind.model._meta.model_name}_{name}", args=args)


def _drawn(browser: Client, url: str) -> dict[str, Any]:
    """What a browser would send back for the form at ``url``."""
    form = browser.get(url).context["adminform"].form
    return {name: form[name].value() for name in form.fields if form[name].value() is not None}


def _errors(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200
    return answer.context["adminform"].form.errors


# list


def test_the_list_shows_name_id_account_host_and_warnings(browser: Client, mirrored: Any) -> None:
    row = mirrored(webhook_event_url="https://elsewhere.example/hook")
    page = browser.get(_url("changelist")).content.decode()
    assert row.telnyx_id in page
    assert ">SANDBOX<" in page
    assert "elsewhere.example" in page
    assert "old format" in page
    assert "calls appear here only through backfill" in page


def test_the_list_is_searched_by_name_and_id_and_hides_the_missing(browser: Client, mirrored: Any) -> None:
    kept, gone = mirrored(name="kept"), mirrored(name="gone")
    CallControlApplication.objects.filter(pk=gone.pk).update(missing_since=gone.pulled_at)

    def found(**query: str) -> set[str]:
        return {row.name for row in browser.get(_url("changelist"), query).context["cl"].result_list}

    assert found() == {"kept"}
    assert found(missing="true") == {"gone"}
    assert found(missing="all") == {"kept", "gone"}
    assert found(q="kep") == {"kept"}
    assert found(q=kept.telnyx_id) == {"kept"}
    assert found(active__exact="1", webhook_api_version="1") == {"kept"}


def test_no_stock_action_can_delete(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    browser.post(_url("changelist"), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert CallControlApplication.objects.get().missing_since is None


@pytest.mark.django_db(transaction=True)
def test_pull_now_brings_what_is_there_and_tells_counts(browser: Client, sandbox_account: TelnyxAccount) -> None:
    at_telnyx(sandbox_account)
    answer = browser.post(_url("pull"), follow=True)
    assert [str(message) for message in answer.context["messages"]] == [
        "sandbox: 1 created, 0 updated, 0 missing, 0 unchanged."
    ]
    assert b"1 created, 0 updated" in browser.get(_url("changelist")).content
    assert Pull.objects.get().requested_by == "user: operator"


@pytest.mark.django_db(transaction=True)
def test_a_stopped_pull_offers_to_accept_the_missing_ones(browser: Client, sandbox: Sandbox, mirrored: Any) -> None:
    for row in [mirrored(name="one"), mirrored(name="two")]:
        sandbox.store.delete_application(row.telnyx_id)
    browser.post(_url("pull"))
    assert b'name="accept_missing" value="sandbox"' in browser.get(_url("changelist")).content
    browser.post(_url("pull"), {"accept_missing": "sandbox"})
    assert CallControlApplication.objects.exclude(missing_since=None).count() == 2


def test_pull_now_is_a_post(browser: Client, account: TelnyxAccount) -> None:
    assert browser.get(_url("pull")).status_code == 403
    assert not Pull.objects.exists()


# add


def test_the_add_form_is_prefilled_with_the_accounts_own_webhook(browser: Client, account: TelnyxAccount) -> None:
    form = browser.get(_url("add")).context["adminform"].form
    assert form["webhook_event_url"].value() == account.webhook_url
    assert form["webhook_api_version"].value() == "2"
    assert "main · SANDBOX" in str(form["account"])


def test_adding_creates_at_telnyx_with_all_that_was_filled_in(browser: Client, sandbox_account: TelnyxAccount) -> None:
    values = _drawn(browser, _url("add")) | {
        "application_name": "desk",
        "inbound.channel_limit": "5",
        "active": "false",
    }
    answer = browser.post(_url("add"), values | {"tags": "one\r\ntwo", "outbound.outbound_voice_profile_id": "77"})
    row = CallControlApplication.objects.get()
    assert answer.status_code == 302
    assert (row.active, row.tags, row.inbound["channel_limit"]) == (False, ["one", "two"], 5)
    assert (row.outbound["outbound_voice_profile_id"], row.webhook_event_url) == ("77", sandbox_account.webhook_url)
    assert row.remote == remote_of(row)
    assert LogEntry.objects.get().object_id == str(row.pk)
    assert AuditEvent.objects.filter(action="application.create").count() == 1


def test_a_texml_application_is_added_as_well(browser: Client, sandbox_account: TelnyxAccount) -> None:
    url = _url("add", kind=TEXML)
    browser.post(url, _drawn(browser, url) | {"friendly_name": "ivr", "voice_url": "https://a.example/x"})
    assert TexmlApplication.objects.get().voice_url == "https://a.example/x"


def test_choosing_another_account_takes_that_accounts_webhook(browser: Client, sandbox_account: TelnyxAccount) -> None:
    first = make_account(name="first")
    values = _drawn(browser, _url("add"))
    assert values["webhook_event_url"] == first.webhook_url
    browser.post(_url("add"), values | {"application_name": "x", "account": str(sandbox_account.pk)})
    assert CallControlApplication.objects.get().webhook_event_url == sandbox_account.webhook_url


def test_what_is_missing_is_told_on_its_field_before_any_request(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    values = _drawn(browser, _url("add")) | {"inbound.channel_limit": "many"}
    assert set(_errors(browser.post(_url("add"), values))) == {"application_name", "inbound.channel_limit"}
    assert not requests(sandbox, "POST")


def test_a_refused_create_stands_on_its_field_and_keeps_what_was_typed(
    browser: Client, sandbox_account: TelnyxAccount
) -> None:
    values = _drawn(browser, _url("add")) | {"application_name": "typed", "webhook_timeout_secs": "31"}
    answer = browser.post(_url("add"), values)
    assert "0 to 30" in _errors(answer)["webhook_timeout_secs"][0]
    assert b'value="typed"' in answer.content
    assert not CallControlApplication.objects.exists()
    assert not LogEntry.objects.exists()


def test_an_outage_is_a_banner_and_keeps_what_was_typed(browser: Client, account: TelnyxAccount) -> None:
    answer = browser.post(_url("add"), _drawn(browser, _url("add")) | {"application_name": "typed"})
    assert "Telnyx cannot be reached" in _errors(answer)["__all__"][0]
    assert b'value="typed"' in answer.content


# change


def test_the_page_shows_the_account_the_facts_and_the_whole_answer(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    page = browser.get(_url("change", row.pk)).content.decode()
    for text in (">SANDBOX<", row.telnyx_id, "Telnyx&#x27;s whole answer", "&quot;record_type&quot;"):
        assert text in page
    TelnyxAccount.objects.update(base_url="https://api.telnyx.com/v2")
    assert 'portal-bad">LIVE<' in browser.get(_url("change", row.pk)).content.decode()


def test_every_setting_has_one_field_on_the_page(browser: Client, mirrored: Any) -> None:
    page = browser.get(_url("change", mirrored().pk)).content.decode()
    names = _FIELD.findall(page)
    for name in CALL_CONTROL.settable_flat():
        assert names.count(name) == 1, name
    assert names.count("base_digest") == 1


def test_saving_sends_only_what_was_touched_and_logs_it(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored(inbound={"sip_subdomain": "sub"})
    url = _url("change", row.pk)
    answer = browser.post(url, _drawn(browser, url) | {"application_name": "renamed"})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.application_name, row.inbound["sip_subdomain"]) == ("renamed", "sub")
    assert AuditEvent.objects.get(action="application.update").details["changed"] == ["application_name"]
    assert "Application name" in LogEntry.objects.get().get_change_message()
    assert row.history.first().history_user.username == "operator"


def test_an_untouched_save_asks_telnyx_for_no_change(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored(TEXML, tags=["a", "b"])
    url = _url("change", row.pk, kind=TEXML)
    values = {name: value.replace("\n", "\r\n") for name, value in _drawn(browser, url).items()}  # as browsers do
    assert browser.post(url, values).status_code == 302
    assert not requests(sandbox, "PATCH")
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


def test_a_value_can_be_cleared(browser: Client, mirrored: Any) -> None:
    row = mirrored(webhook_event_failover_url="https://a.example/", inbound={"channel_limit": 4})
    url = _url("change", row.pk)
    cleared = {"webhook_event_failover_url": "", "inbound.channel_limit": ""}
    browser.post(url, _drawn(browser, url) | cleared)
    row.refresh_from_db()
    assert (row.remote["webhook_event_failover_url"], row.inbound["channel_limit"]) == (None, None)


def test_a_value_outside_the_sdks_enum_stays_selectable_and_survives(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    odd = row.remote | {"anchorsite_override": "Montreal, Canada", "webhook_timeout_secs": "soon"}
    sandbox.store.save_application("call_control_applications", odd)
    store(CALL_CONTROL, sandbox_account, odd, PORTAL, "read")
    url = _url("change", row.pk)
    assert b'<option value="Montreal, Canada" selected>' in browser.get(url).content
    assert browser.post(url, _drawn(browser, url) | {"application_name": "renamed"}).status_code == 302
    assert remote_of(row)["anchorsite_override"] == "Montreal, Canada"


def test_a_refused_change_stands_on_its_field(browser: Client, mirrored: Any) -> None:
    row = mirrored()
    url = _url("change", row.pk)
    answer = browser.post(url, _drawn(browser, url) | {"webhook_timeout_secs": "31", "application_name": "typed"})
    assert "0 to 30" in _errors(answer)["webhook_timeout_secs"][0]
    assert b'value="typed"' in answer.content
    row.refresh_from_db()
    assert row.application_name != "typed"


def test_what_others_changed_elsewhere_is_kept_by_a_save(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    url = _url("change", row.pk)
    values = _drawn(browser, url) | {"active": "false"}
    change_at_telnyx(sandbox_account, row.remote, application_name="theirs")
    assert browser.post(url, values).status_code == 302
    there = remote_of(row)
    assert (there["application_name"], there["active"]) == ("theirs", False)


def test_save_as_new_is_no_way_in(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    url = _url("change", mirrored().pk)
    before = len(requests(sandbox))
    assert browser.post(url, _drawn(browser, url) | {"_saveasnew": "1"}).status_code == 403
    assert len(requests(sandbox)) == before


@pytest.mark.django_db(transaction=True)
def test_saving_holds_no_transaction_while_telnyx_is_asked(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    url = _url("change", row.pk)
    values = _drawn(browser, url) | {"application_name": "slow"}
    sandbox.faults.add({"method": "PATCH", "path": "/call_control_applications", "fault": "drip", "value": 0.002})
    answers: list[Any] = []

    def save() -> None:
        try:
            answers.append(browser.post(url, values))
        finally:
            client_for(sandbox_account).close()
            connections.close_all()

    saving = threading.Thread(target=save)
    saving.start()
    while not requests(sandbox, "PATCH"):
        assert saving.is_alive()
    AuditEvent.note(PORTAL, "a write meanwhile")
    assert saving.is_alive(), "the write waited until the save was over"
    saving.join()
    row.refresh_from_db()
    assert (answers[0].status_code, row.application_name) == (302, "slow")


# panels and history


def fake_panel(request: Any, application: Any) -> str:
    return mark_safe(f"<b>calls of {application.telnyx_id}</b>")


def test_panels_hang_on_the_page_by_dotted_name(browser: Client, mirrored: Any, settings: Any) -> None:
    row = mirrored()
    settings.APPLICATION_PANELS = [f"{__name__}.fake_panel"]
    assert f"<b>calls of {row.telnyx_id}</b>".encode() in browser.get(_url("change", row.pk)).content
    assert browser.get(_url("add")).status_code == 200


def test_the_history_tells_what_changed_and_reverts_nothing(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    url = _url("change", row.pk)
    browser.post(url, _drawn(browser, url) | {"inbound.channel_limit": "8"})
    page = browser.get(_url("history", row.pk)).content.decode()
    assert "inbound.channel_limit" in page
    assert "changed (user: operator)" in page
    version = row.history.last()
    old = reverse("admin:applications_callcontrolapplication_simple_history", args=[row.pk, version.pk])
    assert "&quot;router&quot;" in browser.get(old).content.decode()
    assert browser.post(old, {"application_name": "reverted"}).status_code == 403


# delete


def test_an_unknown_row_is_no_error_page(browser: Client, account: TelnyxAccount) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"
    for name in ("change", "delete"):
        assert browser.post(_url(name, nobody), {"post": "yes"}).status_code == 302
        assert browser.post(_url(name, "nonsense"), {"post": "yes"}).status_code == 302


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
    url = _url(name, *([row.pk] if name in {"change", "delete", "history"} else []), kind=kind)
    before = len(requests(sandbox))
    assert getattr(client, method)(url).status_code == 302  # to the sign-in
    others = {"view", "add", "change", "delete"} - {verb} - ({"change"} if verb == "view" else set())
    client.force_login(user_with(*(kind.permission(other) for other in others), username="without"))
    assert getattr(client, method)(url, {"post": "yes"}).status_code == 403
    assert len(requests(sandbox)) == before
    assert getattr(client, method)(url, _valid(row)).status_code == 403
    assert len(requests(sandbox)) == before
    client.force_login(user_with(kind.permission(verb), kind.permission("view"), username="with"))
    if name != "pull":
        assert getattr(client, method)(url).status_code in {200, 302}


def _valid(row: Any) -> dict[str, str]:
    """What a save takes, whether it adds or changes."""
    settings = {row.name_field: "sneaked in", row.url_field: "https://a.example/"}
    return settings | {"account": str(row.account.pk), "base_digest": row.remote_digest}


def test_who_may_only_look_sees_every_setting_and_no_form(client: Client, user_with: Any, mirrored: Any) -> None:
    row = mirrored(inbound={"sip_subdomain": "sub.example"})
    client.force_login(user_with("applications.view_callcontrolapplication"))
    page = client.get(_url("change", row.pk)).content.decode()
    assert "Inbound SIP subdomain" in page
    assert "sub.example" in page
    assert 'name="application_name"' not in page
    assert "Pull now" not in client.get(_url("changelist")).content.decode()


def test_pulls_are_shown_and_not_changed(browser: Client, account: TelnyxAccount) -> None:
    errors = [{"id": None, "kind": "stopped", "message": "6 of 12 are gone"}]
    record = Pull.objects.create(account=account, kind="texml-applications", requested_by="user: ada", errors=errors)
    assert b"texml-applications" in browser.get(reverse("admin:applications_pull_changelist")).content
    url = reverse("admin:applications_pull_change", args=[record.pk])
    assert b"6 of 12 are gone" in browser.get(url).content
    assert browser.post(url, {"state": "done"}).status_code == 403
