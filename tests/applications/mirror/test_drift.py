"""What was changed at Telnyx by others: found by a pull, named in history, told on the page."""

from copy import copy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from applications.editing.service import Conflict, update_application
from applications.mirror.drift import drift_of, name_authors
from applications.mirror.store import Page, store, write
from applications.pulls.pulls import pull
from portal import sql
from portal.actors import PORTAL, Actor
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx, remote_of
from tests.support.databases import on_sqlite
from tests.support.telnyx_edits import edited, reasons
from tests.support.under_way import answers_otherwise


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    cache.clear()


@pytest.mark.parametrize("kind", [CALL_CONTROL, TEXML], ids=lambda kind: kind.slug)
def test_a_pull_tells_who_changed_what_and_when(sandbox: Sandbox, mirrored: Any, kind: Any) -> None:
    row = mirrored(kind)
    edited(sandbox, row, {"active": False, "inbound": {"channel_limit": 4}}, kind=kind)
    pull(kind, row.account, PORTAL)
    row.refresh_from_db()
    assert reasons(row)[0] == "changed at Telnyx by ada@example.com, found by pull (portal)"
    (found,) = drift_of(row)
    assert found.fields == {"active": (True, False), "inbound.channel_limit": (None, 4)}
    assert found.changed_at == row.updated_at


def test_a_deletion_at_telnyx_tells_who_did_it(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, None, "eve@example.com")
    pull(CALL_CONTROL, row.account, PORTAL, accept_missing=True)
    assert reasons(row)[0] == "gone at Telnyx by eve@example.com, found by pull (portal)"
    assert drift_of(row)[0].gone


def test_a_change_made_here_is_no_drift_and_ends_the_note(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    assert drift_of(row) == []
    edited(sandbox, row, {"active": False})
    pull(CALL_CONTROL, row.account, PORTAL)
    row.refresh_from_db()
    assert len(drift_of(row)) == 1
    row = update_application(row, {"application_name": "ours"}, PORTAL)
    assert drift_of(row) == []


def test_the_page_shows_each_field_before_and_after(browser: Client, sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    address = reverse("admin:applications_callcontrolapplication_change", args=[row.pk])
    assert "Changed at Telnyx</b>" not in browser.get(address).content.decode()
    edited(sandbox, row, {"application_name": "<i>theirs</i>"})
    pull(CALL_CONTROL, row.account, PORTAL)
    page = browser.get(address).content.decode()
    assert "Changed at Telnyx</b>" in page
    assert "by ada@example.com, found by pull" in page
    assert "router → &lt;i&gt;theirs&lt;/i&gt;" in page


def test_an_unchanged_pull_writes_no_history(mirrored: Any, django_assert_max_num_queries: Any) -> None:
    row = mirrored()
    change_at_telnyx(row.account, row.remote)  # only updated_at
    pull(CALL_CONTROL, row.account, PORTAL)
    count = row.history.count()
    with django_assert_max_num_queries(40 if on_sqlite() else 60) as queries:
        pull(CALL_CONTROL, row.account, PORTAL)
    assert row.history.count() == count
    assert not [one for one in queries if "UPDATE" in one["sql"] and "historical" in one["sql"]]


def test_what_is_saved_while_telnyx_is_asked_who_it_was_stays_the_newest_version(
    sandbox: Sandbox, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {name: mirrored(name=name) for name in ("of two", "of one", "left")}
    for name, row in rows.items():
        edited(sandbox, row, {"active": False})
        if name != "of one":
            edited(sandbox, row, {"dtmf_type": "Inband"}, "bob@example.com")
    asked: list[str] = []

    def save(request: httpx.Request, answer: httpx.Response) -> None:
        if "audit_events" in request.url.path and not asked:
            asked.append(request.url.path)
            for name in ("of two", "of one"):
                update_application(rows[name], {"webhook_timeout_secs": 9}, Actor("user: eve"))

    answers_otherwise(monkeypatch, save)
    pull(CALL_CONTROL, rows["left"].account, PORTAL)
    by = "changed at Telnyx{}, found by pull (portal)".format
    ada, bob, nobody = by(" by ada@example.com"), by(" by bob@example.com"), by("")
    assert {name: reasons(row)[:-1] for name, row in rows.items()} == {
        "of two": ["changed (user: eve)", nobody],
        "of one": ["changed (user: eve)", ada],
        "left": [bob, ada],
    }
    for row in rows.values():
        row.refresh_from_db()
        assert row.history.first().remote == row.remote


def test_a_reason_is_cut_to_what_its_column_holds(sandbox: Sandbox, mirrored: Any) -> None:
    row, long = mirrored(), Actor(f"user: {'a' * 150}")
    edited(sandbox, row, {"active": False})
    pull(CALL_CONTROL, row.account, long)
    edited(sandbox, row, {"dtmf_type": "Inband"})
    update_application(row, {"webhook_timeout_secs": 9}, long)
    assert reasons(row) == [
        f"changed ({long.label}"[:100],
        f"changed at Telnyx, seen by {long.label}"[:100],
        f"changed at Telnyx by ada@example.com, found by pull ({long.label}"[:100],
        "pulled (portal)",
    ]


def test_what_another_account_pulls_meanwhile_is_left_to_its_own_pull(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_account("other", sandbox.base_url, sandbox.public_key)
    at_telnyx(sandbox_account)
    for account in (sandbox_account, other):
        pull(CALL_CONTROL, account, PORTAL)
    mine, theirs = (CALL_CONTROL.rows(account).get() for account in (sandbox_account, other))
    edited(sandbox, mine, {"active": False})
    now, asked = remote_of(mine), list[str]()

    def write_beside(request: httpx.Request, answer: httpx.Response) -> None:
        if request.url.path.endswith(CALL_CONTROL.resource) and not asked:
            asked.append(request.url.path)
            write(CALL_CONTROL, other, Page(sql.clock(), {mine.telnyx_id: now}, []), PORTAL, "pulled (portal)")

    answers_otherwise(monkeypatch, write_beside)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert reasons(mine)[0] == "changed at Telnyx by ada@example.com, found by pull (portal)"
    assert reasons(theirs) == ["pulled (portal)", "pulled (portal)"]


def test_at_most_ten_differences_are_told_the_newest(mirrored: Any) -> None:
    row = mirrored()
    for seconds in range(12):
        store(CALL_CONTROL, row.account, row.remote | {"webhook_timeout_secs": seconds}, PORTAL, "changed at Telnyx")
    assert [found.fields["webhook_timeout_secs"][1] for found in drift_of(row)] == [*range(11, 1, -1)]


def test_whoever_has_a_long_name_is_told_by_its_beginning(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False}, f"{'a' * 60}@example.com")
    pull(CALL_CONTROL, row.account, PORTAL)
    assert reasons(row)[0] == f"changed at Telnyx by {'a' * 48}, found by pull (portal)"


def test_what_a_refused_save_came_upon_and_what_a_pull_found_later_are_both_told(
    sandbox: Sandbox, mirrored: Any
) -> None:
    row = mirrored()
    edited(sandbox, row, {"application_name": "theirs"})
    with pytest.raises(Conflict):
        update_application(row, {"application_name": "ours"}, PORTAL, base_digest=row.remote_digest)
    edited(sandbox, row, {"dtmf_type": "Inband"})
    pull(CALL_CONTROL, row.account, PORTAL)
    assert [set(found.fields) for found in drift_of(row)] == [{"dtmf_type"}, {"application_name"}]


def test_when_it_was_changed_is_not_told_where_telnyx_does_not(mirrored: Any) -> None:
    row = mirrored()
    store(CALL_CONTROL, row.account, row.remote | {"webhook_timeout_secs": 7}, PORTAL, "changed at Telnyx")
    (found,) = drift_of(row)
    assert (found.changed_at, found.gone, found.reason) == (None, False, "changed at Telnyx")


@pytest.mark.parametrize(("newer", "by"), [(999, " by ada@example.com"), (1000, "")])
def test_of_what_one_pull_found_the_thousand_newest_are_given_a_name(
    sandbox: Sandbox, mirrored: Any, newer: int, by: str
) -> None:
    row, since = mirrored(), sql.clock()
    edited(sandbox, row, {"active": False})
    store(CALL_CONTROL, row.account, remote_of(row), PORTAL, "pulled (portal)")
    found, others = row.history.first(), list[Any]()
    for _ in range(newer):
        others.append(copy(found))
        others[-1].history_id, others[-1].id = None, uuid4()
    type(found).objects.bulk_create(others)
    name_authors(CALL_CONTROL, row.account, "pulled (portal)", since)
    assert reasons(row)[0] == f"changed at Telnyx{by}, found by pull (portal)"


def test_what_a_pull_brought_and_what_an_earlier_one_found_is_left_as_it_is(sandbox: Sandbox, mirrored: Any) -> None:
    row = mirrored()
    edited(sandbox, row, {"active": False})
    store(CALL_CONTROL, row.account, remote_of(row), PORTAL, "pulled (portal)")  # and its process died
    row.history.filter(history_type="~").update(history_date=sql.clock() - timedelta(hours=1))
    since = sql.clock()
    new = mirrored(name="new")
    edited(sandbox, row, {"dtmf_type": "Inband"}, "bob@example.com")
    store(CALL_CONTROL, row.account, remote_of(row), PORTAL, "pulled (portal)")
    name_authors(CALL_CONTROL, row.account, "pulled (portal)", since)
    assert reasons(new) == ["pulled (portal)"]
    bobs = "changed at Telnyx by bob@example.com, found by pull (portal)"
    assert reasons(row) == [bobs, "pulled (portal)", "pulled (portal)"]


def test_of_what_a_change_made_here_came_upon_at_most_ten_are_told_the_newest(mirrored: Any) -> None:
    row, told = mirrored(), dict[str, Any]()
    for seconds in range(12):
        told = row.remote | {"webhook_timeout_secs": seconds}
        store(CALL_CONTROL, row.account, told, PORTAL, "changed at Telnyx, seen by portal")
    store(CALL_CONTROL, row.account, told | {"dtmf_type": "Inband"}, PORTAL, "changed (portal)")
    assert [found.fields["webhook_timeout_secs"][1] for found in drift_of(row)] == [*range(11, 1, -1)]


def test_what_a_pull_found_and_has_given_no_name_yet_is_told_and_what_bears_no_reason_is_not(mirrored: Any) -> None:
    row = mirrored()
    store(CALL_CONTROL, row.account, row.remote | {"webhook_timeout_secs": 7}, PORTAL, "pulled (portal)")
    assert [set(found.fields) for found in drift_of(row)] == [{"webhook_timeout_secs"}]
    for _ in range(2):
        row.save()
    assert drift_of(row) == []
