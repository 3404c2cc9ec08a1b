"""What was pulled or carried out is shown to people, who change nothing of it."""

import re
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from applications.models import ApplyRun, Pull
from applications.pulls.pulls import begin
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.applications import CALL_CONTROL


def test_pulls_are_shown_and_not_changed(browser: Client, account: TelnyxAccount) -> None:
    errors = [{"id": None, "kind": "stopped", "message": "6 of 12 are gone"}]
    record = Pull.objects.create(account=account, kind="texml-applications", requested_by="user: ada", errors=errors)
    assert b"texml-applications" in browser.get(reverse("admin:applications_pull_changelist")).content
    url = reverse("admin:applications_pull_change", args=[record.pk])
    assert b"6 of 12 are gone" in browser.get(url).content
    assert browser.post(url, {"state": "done"}).status_code == 403


def test_what_was_carried_out_is_shown_and_not_changed(browser: Client, account: TelnyxAccount) -> None:
    results = [{"action": "create", "name": "router", "id": None, "state": "failed", "message": "It was refused"}]
    run = ApplyRun.objects.create(account=account, kind=CALL_CONTROL.slug, requested_by="user: ada", results=results)
    url = reverse("admin:applications_applyrun_change", args=[run.pk])
    assert b"It was refused" in browser.get(url).content
    assert browser.post(url, {"state": "done"}).status_code == 403


def test_the_list_of_pulls_says_that_one_was_killed(browser: Client, account: TelnyxAccount) -> None:
    pulls, badge = reverse("admin:applications_pull_changelist"), re.compile(r">\s*(Running|interrupted)\s*<")
    record, _ = begin(CALL_CONTROL, account, PORTAL)
    assert badge.findall(_rows(browser, pulls)) == ["Running"]
    Pull.objects.filter(pk=record.pk).update(seen_alive_at=timezone.now() - timedelta(seconds=61))
    assert badge.findall(_rows(browser, pulls)) == ["interrupted"]
    page = browser.get(reverse("admin:applications_pull_change", args=[record.pk])).content.decode()
    assert badge.findall(page) == ["interrupted"]


def _rows(browser: Client, address: str) -> str:
    return browser.get(address).content.decode().partition('id="result_list"')[2].partition("</table>")[0]
