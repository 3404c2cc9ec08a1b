from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from applications.models import CallControlApplication, Pull
from applications.pulls.pulls import begin, pull
from portal.actors import PORTAL, Actor
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.sandbox.texml import accounts
from portal.telnyx.client import ask
from tests.support.applications import CALL_CONTROL, at_telnyx
from tests.support.bystanders import Bystanders
from tests.support.html_forms import hidden_fields

LIST, LINES, PULL = (
    reverse(f"admin:applications_callcontrolapplication_{name}") for name in ("changelist", "pulls", "pull")
)


def _running(account: TelnyxAccount, **columns: Any) -> Pull:
    record, _ = begin(CALL_CONTROL, account, PORTAL)
    Pull.objects.filter(pk=record.pk).update(**columns)
    return record


def test_the_list_counts_while_a_pull_runs_and_stops_asking_afterwards(browser: Client, account: TelnyxAccount) -> None:
    record = _running(account, progress=250, total=1000)
    page = browser.get(LIST).content.decode()
    assert "250 of 1000 read so far" in page
    assert f'hx-get="{LINES}" hx-trigger="every 2s"' in page
    Pull.objects.filter(pk=record.pk).update(progress=500)
    assert "500 of 1000 read so far" in browser.get(LINES).content.decode()
    Pull.objects.filter(pk=record.pk).update(state="done", finished_at=timezone.now(), created=1000)
    ended = browser.get(LINES).content.decode()
    assert "1000 created" in ended
    assert "Load the list again" in ended
    assert "hx-get" not in ended


def test_each_account_is_told_of_its_own_pull(browser: Client, account: TelnyxAccount, bystanders: Bystanders) -> None:
    ended = {"state": "done", "finished_at": timezone.now(), "created": 7}
    Pull.objects.create(account=bystanders.account, kind=CALL_CONTROL.slug, requested_by="portal", **ended)
    _running(account, progress=250, total=1000)
    page = browser.get(LIST).content.decode()
    assert (page.count("7 created"), page.count("250 of 1000 read so far")) == (1, 1)


def test_a_pull_that_was_killed_is_told_and_not_asked_for_again(browser: Client, account: TelnyxAccount) -> None:
    _running(account, seen_alive_at=timezone.now() - timedelta(seconds=61))
    page = browser.get(LIST).content.decode()
    assert "was interrupted" in page
    assert LINES not in page


def _rows(browser: Client, address: str) -> str:
    return browser.get(address).content.decode().partition('id="result_list"')[2].partition("</table>")[0]


@pytest.mark.parametrize(
    ("kind", "words", "not_a_key"),
    [("stopped", "They are gone", True), ("another_owner", "The key is right", False)],
)
def test_who_accepts_a_stopped_pull_is_told_what_is_accepted(
    browser: Client, account: TelnyxAccount, kind: str, words: str, not_a_key: bool
) -> None:
    told = {"finished_at": timezone.now(), "errors": [{"id": None, "kind": kind, "message": "x"}]}
    Pull.objects.create(account=account, kind=CALL_CONTROL.slug, requested_by="portal", state="stopped", **told)
    page = browser.get(LIST).content.decode()
    assert [one for one in ("They are gone", "The key is right") if one in page] == [words]
    rows = _rows(browser, reverse("admin:applications_pull_changelist"))
    assert ("looks like a mass delete" in rows, "of another organization" in rows) == (not_a_key, not not_a_key)


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_that_they_are_gone_does_not_say_that_another_organizations_key_is_right(
    browser: Client, sandbox: Sandbox, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed() -> tuple[str, str, int]:
        """Press the button of the stopped pull; the next one's state and kind of error, and how many are missing."""
        browser.post(PULL, hidden_fields(browser.get(LINES).content.decode(), PULL))
        record = Pull.objects.order_by("-started_at")[0]
        kind = record.errors[-1]["kind"] if record.errors else ""
        return record.state, kind, CallControlApplication.objects.exclude(missing_since=None).count()

    for row in [mirrored(name="one"), mirrored(name="two")]:
        sandbox.store.delete_application(row.telnyx_id)
    browser.post(PULL)
    owner = TelnyxAccount.objects.get().owner
    monkeypatch.setitem(accounts._IDS, "organization_id", "somebody-else")
    assert pressed() == ("stopped", "another_owner", 0)
    assert (TelnyxAccount.objects.get().owner, bool(owner)) == (owner, True)
    assert pressed() == ("done", "", 2)
    assert TelnyxAccount.objects.get().owner == "somebody-else"


@pytest.mark.parametrize("count", [5, 6])
def test_of_many_errors_of_a_pull_four_and_the_last_are_shown_and_it_is_said(
    client: Client, user_with: Any, account: TelnyxAccount, count: int
) -> None:
    errors = [{"id": None, "kind": "refused", "message": f"refused no. {at}"} for at in range(count)]
    told = {"state": "failed", "finished_at": timezone.now(), "errors": errors}
    record = Pull.objects.create(account=account, kind=CALL_CONTROL.slug, requested_by="portal", **told)
    whole, is_cut = reverse("admin:applications_pull_change", args=[record.pk]), count > 5
    for more in ([], ["applications.view_pull"]):
        rights = ["applications.view_callcontrolapplication", *more]
        client.force_login(user_with(*rights, username=f"with {len(rights)}"))
        page = client.get(LINES).content.decode()
        shown = [at for at in range(count) if f"refused no. {at}" in page]
        assert shown == [0, 1, 2, 3, count - 1]  # the last one says why it was stopped
        assert (f"5 of {count} are shown." in page, whole in page) == (is_cut, is_cut and bool(more))


def test_a_name_that_no_account_can_have_pulls_nothing(browser: Client, account: TelnyxAccount) -> None:
    answer = browser.post(PULL, {"accept_missing": f"{account.name}\0"})  # PostgreSQL fails on a NUL
    assert (answer.status_code, Pull.objects.exists()) == (302, False)


def test_who_may_not_see_applications_sees_no_pulls(client: Client, user_with: Any, account: TelnyxAccount) -> None:
    client.force_login(user_with("applications.view_texmlapplication"))
    assert client.get(LINES).status_code == 403
    client.force_login(user_with("applications.view_callcontrolapplication", username="viewer"))
    assert client.get(LINES).status_code == 200


@pytest.mark.usefixtures("only_account")
@pytest.mark.django_db(transaction=True)
def test_a_long_pull_shows_its_count_instead_of_a_message(
    browser: Client, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.admin.pull_pages.PULL_SECONDS", 0.0)
    _running(sandbox_account, progress=7)
    answer = browser.post(PULL, follow=True)
    assert list(answer.context["messages"]) == []
    assert "7 read so far" in answer.content.decode()


@pytest.mark.usefixtures("only_account")
def test_a_command_takes_over_from_a_pull_that_was_killed(
    sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_telnyx(sandbox_account)
    dead = _running(sandbox_account)

    def waited(record: Pull, seconds: float) -> None:
        Pull.objects.filter(pk=record.pk).update(seen_alive_at=timezone.now() - timedelta(seconds=seconds))

    monkeypatch.setattr("applications.management.commands.pull_applications.wait", waited)
    out = StringIO()
    call_command("pull_applications", stdout=out, stderr=StringIO())
    assert "sandbox call-control-applications: 1 created" in out.getvalue()
    dead.refresh_from_db()
    assert dead.state == "failed"


def test_one_refusal_while_confirming_is_told_by_id_and_the_others_go_on(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    ids = [at_telnyx(sandbox_account, name=f"number {n}")["id"] for n in range(8)]
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    for id in ids[:2]:
        ask(sandbox_account, "call_control_applications.delete", id)
    path = f"/call_control_applications/{ids[0]}"
    sandbox.faults.add({"method": "GET", "path": path, "fault": "status", "value": 403})
    record = pull(CALL_CONTROL, sandbox_account, Actor("user: ada"))
    assert (record.state, record.missing) == ("failed", 1)
    assert [(error["id"], error["kind"]) for error in record.errors] == [(ids[0], "refused")]
    err = StringIO()
    sandbox.faults.add({"method": "GET", "path": path, "fault": "status", "value": 403})
    with pytest.raises(CommandError):
        call_command("pull_applications", stdout=StringIO(), stderr=err)
    assert f"{ids[0]}: " in err.getvalue()
