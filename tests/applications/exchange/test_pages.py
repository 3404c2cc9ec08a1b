import csv
import io
import json
from typing import Any

import pytest
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from applications.models import ApplyRun, CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, at_telnyx, change_at_telnyx, remote_of
from tests.support.sandbox_ledger import requests
from tests.support.under_way import asks_to_wait

HOOK = "https://portal.example/hook"


def _url(name: str, *args: Any) -> str:
    return reverse(f"admin:applications_callcontrolapplication_{name}", args=args)


def _text(answer: Any) -> str:
    assert answer.status_code == 200, answer
    return b"".join(answer.streaming_content).decode()


def _names(answer: Any) -> list[str]:
    return [line["application_name"] for line in csv.DictReader(io.StringIO(_text(answer)))]


def _upload(browser: Client, account: TelnyxAccount, content: str | bytes, name: str = "apps.csv") -> Any:
    content = content.encode() if isinstance(content, str) else content
    return browser.post(_url("import"), {"account": account.pk, "file": SimpleUploadedFile(name, content)})


def _problems(answer: Any) -> list[str]:
    assert answer.status_code == 200
    assert "plan" not in answer.context
    return [str(problem) for problem in answer.context["problems"]]


def _confirm(browser: Client, planned: Any, **headers: str) -> Any:
    return browser.post(_url("import_run"), {"state": planned.context["state"]}, headers=headers)


# export


@pytest.mark.usefixtures("only_account")
def test_the_export_holds_what_the_list_shows(browser: Client, mirrored: Any) -> None:
    mirrored(name="one", active=False), mirrored(name="two")
    page = browser.get(_url("changelist"), {"q": "one"}).content.decode()
    assert f"{_url('export', 'csv')}?q=one" in page
    assert _names(browser.get(_url("export", "csv"))) == ["one", "two"]
    assert _names(browser.get(_url("export", "csv"), {"q": "tw"})) == ["two"]
    assert _names(browser.get(_url("export", "csv"), {"active__exact": "0"})) == ["one"]
    listed = json.loads(_text(browser.get(_url("export", "json"), {"q": "one"})))
    assert [(one["account"], one["active"], one["inbound"]["channel_limit"]) for one in listed] == [
        ("sandbox", False, None)
    ]


def test_what_a_refused_search_does_not_narrow_is_no_file(browser: Client, mirrored: Any) -> None:
    answer = browser.get(_url("export", "csv"), {"q": "a " * 11}, follow=True)
    assert answer.redirect_chain == [(_url("changelist"), 302)]
    assert "was not searched" in answer.content.decode()
    assert not AuditEvent.objects.filter(action="application.export").exists()


def test_a_selection_is_exported(browser: Client, mirrored: Any) -> None:
    mirrored(name="one")
    row = mirrored(name="two")
    chosen = {"action": "export_csv", "_selected_action": [str(row.pk)]}
    assert _names(browser.post(_url("changelist"), chosen)) == ["two"]


@pytest.mark.usefixtures("only_account")
def test_an_export_is_audited_and_needs_the_right_to_view(client: Client, user_with: Any, mirrored: Any) -> None:
    mirrored()
    client.force_login(user_with("applications.view_texmlapplication"))
    for form in ("csv", "json"):
        assert client.get(_url("export", form)).status_code == 403
    client.force_login(user_with("applications.view_callcontrolapplication", username="viewer"))
    _text(client.get(_url("export", "json")))
    event = AuditEvent.objects.get(action="application.export")
    assert (event.actor, event.details["count"]) == ("user: viewer", 1)


def test_another_format_or_a_broken_filter_is_no_error_of_ours(browser: Client, account: TelnyxAccount) -> None:
    assert browser.get(_url("export", "xlsx")).status_code == 404
    broken = browser.get(_url("export", "csv"), {"active__exact": "perhaps"})
    assert (broken.status_code, broken["Location"]) == (302, _url("changelist"))


# import


@pytest.mark.usefixtures("only_account")
def test_a_dry_run_shows_each_line_and_writes_nothing(browser: Client, sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored(name="router")
    content = f"application_name,webhook_event_url,active\nrouter,{row.webhook_event_url},false\ndesk,{HOOK},true\n"
    answer = _upload(browser, row.account, content)
    told = [(line["step"].line, line["step"].action, line["step"].name) for line in answer.context["lines"]]
    assert told == [(2, "update", "router"), (3, "create", "desk")]
    assert answer.context["lines"][0]["changes"] == [("active", "true", "false")]
    assert "1 to create, 1 to update, 0 unchanged" in answer.content.decode()
    assert len(requests(sandbox, "POST", "PATCH")) == 1
    assert CallControlApplication.objects.count() == 1


def test_confirming_carries_the_lines_out(browser: Client, mirrored: Any) -> None:
    row = mirrored(name="router")
    content = f"application_name,webhook_event_url,active\nrouter,{row.webhook_event_url},false\ndesk,{HOOK},true\n"
    planned = _upload(browser, row.account, content)
    page = _confirm(browser, planned).content.decode()
    assert "2 of 2 done" in page
    assert remote_of(row)["active"] is False
    assert CallControlApplication.objects.get(application_name="desk").webhook_event_url == HOOK
    again = _upload(browser, row.account, content)
    assert "Telnyx has all of this already." in again.content.decode()
    assert AuditEvent.objects.filter(actor="user: operator", action="application.update").count() == 1


@pytest.mark.usefixtures("only_account")
def test_an_export_imported_again_changes_nothing(browser: Client, mirrored: Any) -> None:
    row = mirrored(name="=formula", inbound={"channel_limit": 3})
    for form in ("csv", "json"):
        answer = _upload(browser, row.account, _text(browser.get(_url("export", form))), f"apps.{form}")
        assert answer.context["plan"].counts == {"create": 0, "update": 0, "delete": 0, "unchanged": 1}


@pytest.mark.parametrize(("name", "content"), [("apps.csv", "application_name\n,\n"), ("apps.json", "[]")])
def test_a_file_that_names_no_application_is_told_to_be_one(
    browser: Client, sandbox_account: TelnyxAccount, name: str, content: str
) -> None:
    page = _upload(browser, sandbox_account, content, name).content.decode()
    assert ("The file names no application." in page, "has all of this" in page) == (True, False)


def test_a_long_run_is_cut_into_requests(
    browser: Client, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.exchange.pages.RUN_SECONDS", -1.0)
    lines = "".join(f"number {n},{HOOK}\n" for n in range(3))
    answer = _upload(browser, sandbox_account, f"application_name,webhook_event_url\n{lines}")
    for done in (1, 2, 3):
        answer = _confirm(browser, answer, HX_Request="true")
        assert f"{done} of 3 done" in answer.content.decode()
    assert answer.context["state"] == ""
    assert CallControlApplication.objects.count() == 3


def test_what_an_earlier_request_was_about_is_not_taken_for_what_others_made(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.exchange.pages.RUN_SECONDS", -1.0)
    kept = at_telnyx(sandbox_account, name="desk")["id"]
    lines = f"{kept},hall,{HOOK}\n,desk,{HOOK}\n"  # it stays the desk: Telnyx refuses the other name
    planned = _upload(browser, sandbox_account, f"id,application_name,webhook_event_url\n{lines}")
    path = f"/call_control_applications/{kept}"
    sandbox.faults.add({"method": "PATCH", "path": path, "fault": "status", "value": 422})
    answer = _confirm(browser, _confirm(browser, planned, HX_Request="true"), HX_Request="true")
    assert (answer.context["run"]["failed"], answer.context["stopped"]) == (1, False)
    desks = CallControlApplication.objects.filter(account=sandbox_account, application_name="desk")
    assert desks.exclude(telnyx_id=kept).count() == desks.filter(telnyx_id=kept).count() == 1


def test_a_repeated_confirmation_creates_nothing_twice(browser: Client, sandbox_account: TelnyxAccount) -> None:
    planned = _upload(browser, sandbox_account, f"application_name,webhook_event_url\ndesk,{HOOK}\n")
    _confirm(browser, planned)
    assert "was created at Telnyx" in _confirm(browser, planned).content.decode()
    assert CallControlApplication.objects.count() == 1


def test_a_repeat_of_a_later_request_creates_nothing_twice(
    browser: Client, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.exchange.pages.RUN_SECONDS", -1.0)
    lines = "".join(f"number {n},{HOOK}\n" for n in range(2))
    second = _confirm(
        browser, _upload(browser, sandbox_account, f"application_name,webhook_event_url\n{lines}"), HX_Request="true"
    )
    _confirm(browser, second, HX_Request="true")
    assert "It was stopped here" in _confirm(browser, second, HX_Request="true").content.decode()
    assert CallControlApplication.objects.count() == 2


def test_a_change_at_telnyx_after_the_dry_run_stops_it(browser: Client, mirrored: Any) -> None:
    row = mirrored(name="router")
    planned = _upload(browser, row.account, f"id,active\n{row.telnyx_id},false\n")
    change_at_telnyx(row.account, row.remote, webhook_timeout_secs=9)
    page = _confirm(browser, planned).content.decode()
    assert f"router ({row.telnyx_id}) was changed at Telnyx." in page
    assert remote_of(row)["active"] is True


def test_a_refused_line_is_told_and_the_others_go_on(browser: Client, sandbox: Sandbox, mirrored: Any) -> None:
    first, second = mirrored(name="first"), mirrored(name="second")
    path = f"/call_control_applications/{first.telnyx_id}"
    sandbox.faults.add({"method": "PATCH", "path": path, "fault": "status", "value": 422})
    planned = _upload(browser, first.account, "application_name,active\nfirst,false\nsecond,false\n")
    page = _confirm(browser, planned).content.decode()
    assert "1 of 2 done" in page
    assert "Line 2: update first: " in page
    assert remote_of(second)["active"] is False


def test_of_many_refused_lines_the_first_are_shown_and_it_is_said(
    browser: Client, sandbox: Sandbox, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.exchange.pages.RUN_SECONDS", -1.0)  # a line for each request
    monkeypatch.setattr("applications.exchange.pages.MOST_WRONG", 1)
    rows = [mirrored(name=name) for name in ("first", "second", "third")]
    fault = {"method": "PATCH", "path": "/call_control_applications", "fault": "status", "value": 422, "times": None}
    sandbox.faults.add(fault)
    lines = "".join(f"{row.name},false\n" for row in rows)
    answer, pages = _upload(browser, rows[0].account, f"application_name,active\n{lines}"), list[str]()
    for _ in rows:
        answer = _confirm(browser, answer, HX_Request="true")
        pages.append(answer.content.decode())
    assert ["are shown" in page for page in pages] == [False, True, True]
    assert ("Line 2: " in pages[2], "Line 3: " in pages[2]) == (True, False)
    assert "The first 1 of 3 are shown." in pages[2]
    run = ApplyRun.objects.get()
    assert (run.failed, reverse("admin:applications_applyrun_change", args=[run.pk]) in pages[2]) == (3, True)


def test_of_many_changes_at_telnyx_since_the_dry_run_the_first_are_shown_and_it_is_said(
    browser: Client, sandbox_account: TelnyxAccount
) -> None:
    planned = _upload(browser, sandbox_account, f"application_name,webhook_event_url\ndesk,{HOOK}\n")
    for _ in range(51):
        at_telnyx(sandbox_account, name="desk")
    page = _confirm(browser, planned).content.decode()
    assert (page.count("was created at Telnyx."), "The first 50 of 51 are shown." in page) == (50, True)


def test_no_page_waits_for_telnyx_and_it_says_when_to_try_again(
    browser: Client, mirrored: Any, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    row = mirrored(name="router")
    content = f"id,active\n{row.telnyx_id},false\n"
    planned = _upload(browser, row.account, content)
    with monkeypatch.context() as busy:
        asks_to_wait(busy, "/call_control_applications", 25)
        (told,) = _problems(_upload(browser, row.account, content))
        begun = _confirm(browser, planned, HX_Request="true")
    words = "Telnyx is receiving too many requests from this account. Wait a moment. (Telnyx code 10011)"
    assert told == f"{words} Try again in 25 seconds."
    page, said = begun.content.decode(), ("0 of 1 done", f"{words} It goes on in 25 seconds.", "load delay:25s")
    assert [text for text in said if text not in page] == []
    assert "1 of 1 done" in _confirm(browser, begun, HX_Request="true").content.decode()
    assert (remote_of(row)["active"], waits) == (False, [])


def test_a_429_within_an_import_loses_nothing_and_the_next_part_goes_on(
    browser: Client, sandbox: Sandbox, mirrored: Any, waits: list[float]
) -> None:
    first, second = mirrored(name="first"), mirrored(name="second")
    path = f"/call_control_applications/{second.telnyx_id}"
    sandbox.faults.add({"method": "PATCH", "path": path, "fault": "status", "value": 429})
    planned = _upload(browser, first.account, "application_name,active\nfirst,false\nsecond,false\n")
    part = _confirm(browser, planned, HX_Request="true")
    page, said = part.content.decode(), ("1 of 2 done", "It goes on in 1 second.", "load delay:1s")
    assert [text for text in said if text not in page] == []
    assert (ApplyRun.objects.get().state, remote_of(second)["active"]) == ("running", True)
    assert "2 of 2 done" in _confirm(browser, part, HX_Request="true").content.decode()
    run = ApplyRun.objects.get()
    assert (run.state, run.failed, remote_of(second)["active"], waits) == ("done", 0, False, [])


def test_errors_are_told_line_by_line_and_nothing_can_be_confirmed(browser: Client, mirrored: Any) -> None:
    row = mirrored(name="router")
    answer = _upload(browser, row.account, "application_name,active\nrouter,perhaps\nnew,true\n")
    told = _problems(answer)
    assert told[0].startswith("line 2, active: Must be a valid boolean")
    assert "line 3, webhook_event_url: This parameter is required." in told
    assert "state" not in answer.context


def test_an_unreadable_file_an_outage_and_a_large_file_are_told(browser: Client, account: TelnyxAccount) -> None:
    assert _problems(_upload(browser, account, b"\xff\xfe")) == ["The file is not UTF-8 text."]
    assert "cannot be reached" in _problems(_upload(browser, account, "application_name\nx\n"))[0]
    large = _upload(browser, account, b"x" * (2 * 1024 * 1024 + 1))
    assert "larger than 2 MB" in str(large.context["form"].errors)


@pytest.mark.parametrize(
    ("right", "refused"), [("add", "line 2: You may not update"), ("change", "line 3: You may not create")]
)
def test_each_line_needs_its_own_permission(
    client: Client, user_with: Any, mirrored: Any, right: str, refused: str
) -> None:
    row = mirrored(name="router")
    view = "applications.view_callcontrolapplication"
    client.force_login(user_with(view, f"applications.{right}_callcontrolapplication"))
    content = f"application_name,webhook_event_url,active\nrouter,{row.webhook_event_url},false\ndesk,{HOOK},true\n"
    assert [told for told in _problems(_upload(client, row.account, content)) if told.startswith(refused)]


def test_who_may_only_look_cannot_import(client: Client, user_with: Any, account: TelnyxAccount) -> None:
    client.force_login(user_with("applications.view_callcontrolapplication"))
    assert client.get(_url("import")).status_code == 403
    assert client.post(_url("import_run"), {"state": "x"}).status_code == 403
    assert _url("import") not in client.get(_url("changelist")).content.decode()
    for right in ("add", "change"):
        rights = [f"applications.{name}_callcontrolapplication" for name in ("view", right)]
        client.force_login(user_with(*rights, username=right))
        assert client.get(_url("import")).status_code == 200
        assert client.post(_url("import_run"), {"state": "x"}).status_code == 200
        assert _url("import") in client.get(_url("changelist")).content.decode()


def test_who_may_add_and_not_look_cancels_an_import_to_the_home_page(
    client: Client, user_with: Any, account: TelnyxAccount
) -> None:
    for rights, there in (("add",), reverse("admin:index")), (("add", "view"), _url("changelist")):
        named = [f"applications.{right}_callcontrolapplication" for right in rights]
        client.force_login(user_with(*named, username=f"may {len(named)}"))
        assert f'href="{there}">Cancel<' in client.get(_url("import")).content.decode()


def test_after_an_import_who_may_add_and_not_look_is_led_home(
    client: Client, user_with: Any, sandbox_account: TelnyxAccount
) -> None:
    client.force_login(user_with("applications.add_callcontrolapplication"))
    planned = _upload(client, sandbox_account, f"application_name,webhook_event_url\ndesk,{HOOK}\n")
    done = _confirm(client, planned).content.decode()
    assert ("1 of 1 done" in done, "Back to the list" in done) == (True, False)
    assert f'href="{reverse("admin:index")}">Home<' in done


def test_a_confirmation_of_somebody_else_or_a_forged_one_does_nothing(
    browser: Client, client: Client, user_with: Any, sandbox_account: TelnyxAccount
) -> None:
    planned = _upload(browser, sandbox_account, f"application_name,webhook_event_url\ndesk,{HOOK}\n")
    rights = [f"applications.{right}_callcontrolapplication" for right in ("view", "add", "change")]
    other = Client()
    other.force_login(user_with(*rights, username="other"))
    assert "not yours" in _confirm(other, planned).content.decode()
    assert _confirm(other, planned, HX_Request="true")["HX-Redirect"] == _url("import")  # no page within the page
    assert "not yours" in other.get(_url("import")).content.decode()
    forged = browser.post(_url("import_run"), {"state": signing.dumps({"steps": []}, salt="another")})
    assert "not yours" in forged.content.decode()
    assert not CallControlApplication.objects.exists()


@pytest.mark.usefixtures("only_account")
def test_the_form_offers_the_only_account(browser: Client, account: TelnyxAccount) -> None:
    assert f'<option value="{account.pk}" selected>' in browser.get(_url("import")).content.decode()
    make_account(name="second")
    assert "selected>main" not in browser.get(_url("import")).content.decode()


def test_a_line_without_an_id_finds_its_application_though_it_was_never_pulled(
    browser: Client, sandbox_account: TelnyxAccount
) -> None:
    remote = at_telnyx(sandbox_account, CALL_CONTROL, name="router")
    _confirm(browser, _upload(browser, sandbox_account, "application_name,active\nrouter,false\n"))
    row = CallControlApplication.objects.get()
    assert (row.telnyx_id, row.active) == (remote["id"], False)
