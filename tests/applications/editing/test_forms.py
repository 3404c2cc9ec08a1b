"""The form of an application is made from the SDK's parameters."""

import json
import re
from typing import Any

import httpx
import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from applications.editing.forms import Switch
from applications.mirror.store import store
from applications.models import CallControlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.application_pages import drawn, errors_of, page_url
from tests.support.applications import CALL_CONTROL, TEXML, remote_of
from tests.support.sandbox_ledger import requests
from tests.support.under_way import answers_otherwise

_FIELD = re.compile(r'name="([a-z_.0-9]+)"')


@pytest.mark.usefixtures("only_account")
def test_the_add_form_is_prefilled_with_the_accounts_own_webhook(browser: Client, account: TelnyxAccount) -> None:
    form = browser.get(page_url("add")).context["adminform"].form
    assert form["webhook_event_url"].value() == account.webhook_url
    assert form["webhook_api_version"].value() == "2"
    assert "main · SANDBOX" in str(form["account"])
    texml = browser.get(page_url("add", kind=TEXML)).context["adminform"].form
    assert not texml["voice_url"].value()  # no document is fetched there
    assert texml["account"].value() == account.pk


@pytest.mark.usefixtures("only_account")
def test_choosing_another_account_takes_that_accounts_webhook(browser: Client, sandbox_account: TelnyxAccount) -> None:
    first = make_account(name="first")
    values = drawn(browser, page_url("add"))
    assert values["webhook_event_url"] == first.webhook_url
    typed = {"application_name": "x", "webhook_event_failover_url": first.webhook_url}
    browser.post(page_url("add"), values | typed | {"account": str(sandbox_account.pk)})
    made = CallControlApplication.objects.get()
    assert made.webhook_event_url == sandbox_account.webhook_url
    assert made.webhook_event_failover_url == first.webhook_url  # as somebody typed it


def test_what_is_missing_is_told_on_its_field_before_any_request(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    values = drawn(browser, page_url("add")) | {"inbound.channel_limit": "many"}
    assert set(errors_of(browser.post(page_url("add"), values))) == {"application_name", "inbound.channel_limit"}
    assert not requests(sandbox, "POST")


@pytest.mark.parametrize("account", ["", "7", "nonsense"])
def test_without_an_account_nothing_is_made_and_it_is_told_on_its_field(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, account: str
) -> None:
    values = drawn(browser, page_url("add")) | {"application_name": "router", "account": account}
    assert set(errors_of(browser.post(page_url("add"), values))) == {"account"}
    assert not requests(sandbox, "POST")


def test_every_setting_has_one_field_on_the_page(browser: Client, mirrored: Any) -> None:
    page = browser.get(page_url("change", mirrored().pk)).content.decode()
    names = _FIELD.findall(page)
    for name in CALL_CONTROL.settable_flat():
        switches = page.count(f'role="switch" name="{name}"')  # beside what is sent when it is off
        assert names.count(name) == 1 + switches, name
        assert switches <= 1
    assert names.count("base_digest") == 1


def test_an_untouched_save_asks_telnyx_for_no_change(browser: Client, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored(TEXML, tags=["a", "b"])
    url = page_url("change", row.pk, kind=TEXML)
    values = {name: value.replace("\n", "\r\n") for name, value in drawn(browser, url).items()}  # as browsers do
    assert browser.post(url, values).status_code == 302
    assert not requests(sandbox, "PATCH")
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


def test_a_value_can_be_cleared(browser: Client, mirrored: Any) -> None:
    row = mirrored(webhook_event_failover_url="https://a.example/", inbound={"channel_limit": 4})
    url = page_url("change", row.pk)
    cleared = {"webhook_event_failover_url": "", "inbound.channel_limit": ""}
    browser.post(url, drawn(browser, url) | cleared)
    row.refresh_from_db()
    assert (row.remote["webhook_event_failover_url"], row.inbound["channel_limit"]) == (None, None)


def test_a_choice_a_list_and_a_text_that_are_emptied_are_sent_so_and_nothing_else_is(
    browser: Client, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, sent = mirrored(TEXML, tags=["a"], voice_fallback_url="https://a.example/"), dict[str, Any]()

    def note(request: httpx.Request, answer: httpx.Response) -> None:
        if request.method == "PATCH":
            sent.update(json.loads(request.content))

    answers_otherwise(monkeypatch, note)
    url = page_url("change", row.pk, kind=TEXML)
    browser.post(url, drawn(browser, url) | {"dtmf_type": "", "tags": " \r\n", "voice_fallback_url": " "})
    required = {name: row.remote[name] for name in TEXML.required}
    assert sent == required | {"dtmf_type": None, "tags": [], "voice_fallback_url": None}


def test_a_value_outside_the_sdks_enum_stays_selectable_and_survives(
    browser: Client, mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    odd = row.remote | {"anchorsite_override": "Montreal, Canada", "webhook_timeout_secs": "soon"}
    sandbox.store.save_application("call_control_applications", odd)
    store(CALL_CONTROL, sandbox_account, odd, PORTAL, "read")
    url = page_url("change", row.pk)
    assert b'<option value="Montreal, Canada" selected>' in browser.get(url).content
    assert browser.post(url, drawn(browser, url) | {"application_name": "renamed"}).status_code == 302
    assert remote_of(row)["anchorsite_override"] == "Montreal, Canada"


def test_a_value_of_the_sdks_enum_is_offered_once(browser: Client, mirrored: Any) -> None:
    page = browser.get(page_url("change", mirrored(dtmf_type="Inband").pk)).content.decode()
    assert page.count('<option value="Inband" selected>') == page.count('<option value="Inband"') == 1


def test_a_list_is_taken_line_by_line_without_the_blanks_around(browser: Client, mirrored: Any) -> None:
    row = mirrored(TEXML, tags=["a"])
    url = page_url("change", row.pk, kind=TEXML)
    assert browser.post(url, drawn(browser, url) | {"tags": " a \r\n\r\n\tb c  \r\n "}).status_code == 302
    assert remote_of(row, TEXML)["tags"] == ["a", "b c"]


def test_what_is_yes_or_no_is_a_switch_and_what_was_never_set_a_choice_of_three(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    told = row.remote | {"active": False, "first_command_timeout": None}
    store(CALL_CONTROL, sandbox_account, told, PORTAL, "read")
    change, add = (browser.get(url).context["adminform"].form for url in (page_url("change", row.pk), page_url("add")))
    fields = (change.fields["active"], change.fields["first_command_timeout"], add.fields["active"])
    assert [isinstance(field.widget, Switch) for field in fields] == [True, False, False]
    assert [[value for value, _ in field.choices] for field in fields] == [["", "true", "false"]] * 3
    assert (change["active"].value(), change["first_command_timeout"].value()) == ("false", "")


@pytest.mark.usefixtures("only_account")
def test_of_several_accounts_the_address_of_the_one_it_was_drawn_for_becomes_that_of_the_one_chosen(
    browser: Client, sandbox_account: TelnyxAccount
) -> None:
    for other in [make_account(name=name) for name in ("before", "beyond", "very last")]:
        url = f"{page_url('add')}?account={other.pk}"
        values = drawn(browser, url)
        assert (str(values["account"]), values["webhook_event_url"]) == (str(other.pk), other.webhook_url)
        chosen = {"application_name": other.name, "account": str(sandbox_account.pk)}
        assert browser.post(url, values | chosen).status_code == 302
    made = CallControlApplication.objects.values_list("application_name", "account", "webhook_event_url")
    here = (sandbox_account.pk, sandbox_account.webhook_url)
    assert set(made) == {(name, *here) for name in ("before", "beyond", "very last")}


def test_what_is_off_is_switched_on(browser: Client, mirrored: Any) -> None:
    row = mirrored(active=False)
    url = page_url("change", row.pk)
    assert browser.post(url, drawn(browser, url) | {"active": "true"}).status_code == 302
    assert remote_of(row)["active"] is True


def test_beside_a_value_outside_the_sdks_enum_all_of_it_stays_selectable(
    browser: Client, mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    odd = row.remote | {"anchorsite_override": "Montreal, Canada"}
    store(CALL_CONTROL, sandbox_account, odd, PORTAL, "read")
    form = browser.get(page_url("change", row.pk)).context["adminform"].form
    values = [value for value, _ in form.fields["anchorsite_override"].choices]
    assert (values[0], values[-1]) == ("", "Montreal, Canada")
    assert {"Latency", "Chicago, IL"} < set(values)


def test_a_clone_may_leave_to_telnyx_what_is_yes_or_no(browser: Client, mirrored: Any) -> None:
    row = mirrored(active=False)
    field = browser.get(f"{page_url('add')}?clone={row.pk}").context["adminform"].form["active"]
    assert (isinstance(field.field.widget, Switch), field.value()) == (False, "false")


def test_a_list_that_a_form_does_not_send_is_empty_and_a_value_in_blanks_is_not_touched(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    values = drawn(browser, page_url("add")) | {"application_name": "router", "account": str(sandbox_account.pk)}
    untold = {name: value for name, value in values.items() if name != "tags"}
    assert browser.post(page_url("add"), untold).status_code == 302
    row = CallControlApplication.objects.get(account=sandbox_account)
    url = page_url("change", row.pk)
    assert browser.post(url, drawn(browser, url) | {"application_name": " router "}).status_code == 302
    assert (row.tags, requests(sandbox, "PATCH")) == ([], [])
    assert LogEntry.objects.latest("pk").get_change_message() == "No fields changed."


def test_a_wish_longer_than_its_place_makes_nothing(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    values = drawn(browser, page_url("add")) | {"application_name": "router", "account": str(sandbox_account.pk)}
    assert set(errors_of(browser.post(page_url("add"), values | {"wish": "w" * 65}))) == {"wish"}
    assert not requests(sandbox, "POST")
    assert browser.post(page_url("add"), values | {"wish": "w" * 64}).status_code == 302


def test_an_add_form_begins_with_what_its_address_says(browser: Client, account: TelnyxAccount) -> None:
    form = browser.get(page_url("add"), {"application_name": "of a link"}).context["adminform"].form
    assert form["application_name"].value() == "of a link"
