from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.mirror import store as mirror_store
from applications.mirror.store import (
    Page,
    differences,
    digest,
    known,
    mark_missing,
    news,
    pages,
    store,
    unlisted,
    write,
)
from applications.models import CallControlApplication, TexmlApplication
from applications.pulls.listing import whole
from applications.pulls.pulls import pull
from portal import sql
from portal.actors import PORTAL, Actor
from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx
from tests.support.telnyx_edits import edited
from tests.support.times import ago


def test_a_pull_brings_every_field_of_telnyxs_answer(sandbox_account: TelnyxAccount) -> None:
    remote = at_telnyx(sandbox_account, inbound={"channel_limit": 7}, webhook_timeout_secs=5, webhook_api_version="2")
    record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    row = CallControlApplication.objects.get()
    assert record.state == "done"
    assert record.counts == {"created": 1, "updated": 0, "missing": 0, "unchanged": 0}
    assert (row.telnyx_id, row.remote, row.remote_digest) == (remote["id"], remote, digest(remote))
    assert (row.application_name, row.webhook_api_version, row.webhook_timeout_secs) == ("router", "2", 5)
    assert row.inbound["channel_limit"] == 7
    assert row.created_at is not None
    assert row.created_at.isoformat(timespec="milliseconds")[:19] == remote["created_at"][:19]


def test_texml_applications_are_pulled_as_well(sandbox_account: TelnyxAccount) -> None:
    at_telnyx(sandbox_account, TEXML, name="ivr", tags=["a"])
    pull(TEXML, sandbox_account, PORTAL)
    row = TexmlApplication.objects.get()
    assert (row.name, row.voice_method, row.tags) == ("ivr", "post", ["a"])


def test_all_pages_are_read(sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("applications.mirror.store.PAGE_SIZE", 2)
    for number in range(5):
        at_telnyx(sandbox_account, name=f"number {number}")
    record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert (record.progress, record.created) == (5, 5)


def test_a_list_that_ignores_page_numbers_ends(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("applications.mirror.store.PAGE_SIZE", 1)
    monkeypatch.setattr(
        "applications.mirror.store.ask", lambda *_, **__: {"data": [{"id": "1", "application_name": "same"}]}
    )
    assert [list(page.remotes) for page in pages(CALL_CONTROL, account)] == [["1"], []]


def test_a_list_without_an_end_is_left_at_last(account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("applications.mirror.store.PAGE_SIZE", 1)
    monkeypatch.setattr("applications.mirror.store._MOST_PAGES", 3)
    ids = map(str, count(1))
    monkeypatch.setattr("applications.mirror.store.ask", lambda *_, **__: {"data": [{"id": next(ids)}]})
    assert [list(page.remotes) for page in pages(CALL_CONTROL, account)] == [["1"], ["2"], ["3"]]


@pytest.mark.parametrize(
    ("id", "kept"),
    [
        *((5, "5"), ("x" * 64, "x" * 64), ("x" * 65, None), (True, None), ("", None), (None, None)),
        *((1.5, None), ({}, None)),
    ],
)
def test_an_id_is_a_text_or_a_whole_number(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, id: Any, kept: str | None
) -> None:
    monkeypatch.setattr(mirror_store, "ask", lambda *_, **__: {"data": [{"id": id}, {"id": "beside"}]})
    (page,) = pages(CALL_CONTROL, account)
    error = {"id": None, "message": "Page 1 holds an application without an id."}
    assert ([*page.remotes], page.errors) == (([kept, "beside"], []) if kept else (["beside"], [error]))


@pytest.mark.parametrize(
    ("meta", "total", "read"),
    [
        ({"total_pages": 1, "total_results": 1}, 1, ["1"]),
        ({"total_pages": 2, "total_results": 2}, 2, ["1", "2"]),  # however short its pages are
        ({"total_pages": 9, "total_results": 9}, 9, ["1", "2"]),  # but not beyond an empty one
        *(({"total_pages": odd, "total_results": odd}, None, ["1"]) for odd in ("2", True, -1, 2**31, None)),
        *((odd, None, ["1"]) for odd in (None, [], "2")),
    ],
)
def test_a_list_ends_where_telnyx_says_and_without_a_word_with_a_page_that_is_not_full(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, meta: Any, total: int | None, read: list[str]
) -> None:
    listed = iter([[{"id": "1"}], [{"id": "2"}], []])
    monkeypatch.setattr(mirror_store, "ask", lambda *_, **__: {"data": next(listed), "meta": meta})
    found = [*pages(CALL_CONTROL, account)]
    assert ([id for page in found for id in page.remotes], {page.total for page in found}) == (read, {total})


def test_a_page_of_which_nothing_can_be_read_is_not_the_end(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_store, "PAGE_SIZE", 1)
    listed = iter([[{"id": None}], [{"id": "2"}], []])
    monkeypatch.setattr(mirror_store, "ask", lambda *_, **__: {"data": next(listed)})
    assert [([*page.remotes], len(page.errors)) for page in pages(CALL_CONTROL, account)] == [
        ([], 1),
        (["2"], 0),
        ([], 0),
    ]


def test_an_unchanged_pull_writes_no_application(sandbox_account: TelnyxAccount) -> None:
    for number in range(3):
        at_telnyx(sandbox_account, name=f"number {number}")
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    with CaptureQueriesContext(connection) as queries:
        record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    reading = ("SELECT", "DECLARE")  # PostgreSQL reads many rows through a cursor that it declares
    writing = [q["sql"] for q in queries if "callcontrolapplication" in q["sql"] and not q["sql"].startswith(reading)]
    assert record.counts == {"created": 0, "updated": 0, "missing": 0, "unchanged": 3}
    assert writing == []


def test_what_changed_at_telnyx_is_updated_with_one_history_entry(
    mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row, other = mirrored(name="one"), mirrored(name="two")
    change_at_telnyx(sandbox_account, row.remote, application_name="renamed")
    pull(CALL_CONTROL, sandbox_account, Actor("command line"))
    row.refresh_from_db()
    assert row.application_name == "renamed"
    assert [entry.history_change_reason for entry in row.history.all()] == [
        "changed at Telnyx by owner@sandbox.example, found by pull (command line)",
        "pulled (portal)",
    ]
    assert other.history.count() == 1


def test_what_telnyx_does_not_know_any_more_is_marked_missing_and_comes_back(
    mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    row = mirrored()
    ask(sandbox_account, "call_control_applications.delete", row.telnyx_id)
    record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    row.refresh_from_db()
    assert (record.missing, row.missing_since is not None) == (1, True)
    store(CALL_CONTROL, sandbox_account, row.remote, PORTAL, "it is back")
    row.refresh_from_db()
    assert row.missing_since is None


@pytest.mark.usefixtures("only_account")
def test_one_that_is_back_as_it_was_is_told_and_brought_back_by_a_pull(
    mirrored: Any, sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    def told() -> list[tuple[Any, Any, Any]]:
        found = differences(CALL_CONTROL, sandbox_account, whole(CALL_CONTROL, sandbox_account))
        return [(one["id"], one["change"], one.get("fields")) for one in found]

    row = mirrored()
    sandbox.store.delete_application(row.telnyx_id)
    assert told() == [(row.telnyx_id, "missing", None)]
    assert pull(CALL_CONTROL, sandbox_account, PORTAL).missing == 1
    assert told() == []  # it is known here that it is gone
    sandbox.store.save_application(CALL_CONTROL.resource, row.remote)
    assert told() == [(row.telnyx_id, "updated", {})]
    record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    row.refresh_from_db()
    assert (record.updated, record.created, row.missing_since, told()) == (1, 0, None, [])


def test_what_telnyx_dates_earlier_than_what_is_known_is_neither_told_nor_kept(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    older = row.remote
    edited(sandbox, row, {"dtmf_type": "Inband"})
    pull(CALL_CONTROL, row.account, PORTAL)
    page = Page(sql.clock(), {row.telnyx_id: older}, [])
    assert differences(CALL_CONTROL, row.account, [page]) == []
    counts = write(CALL_CONTROL, row.account, page, PORTAL, "late")
    row.refresh_from_db()
    assert (counts["unchanged"], counts["updated"], row.dtmf_type, row.history.count()) == (1, 0, "Inband", 2)


def test_what_was_stored_since_a_list_was_asked_for_and_what_is_missing_is_not_missed_in_it(
    mirrored: Any, sandbox_account: TelnyxAccount
) -> None:
    gone, left = mirrored(name="gone"), mirrored(name="left")
    mark_missing(gone, PORTAL, "gone at Telnyx")
    since = sql.clock()
    store(CALL_CONTROL, sandbox_account, {"id": "made", "application_name": "made here"}, PORTAL, "created")
    assert unlisted(CALL_CONTROL, sandbox_account, {"another"}, since) == [left.telnyx_id]
    assert unlisted(CALL_CONTROL, sandbox_account, {left.telnyx_id}, since) == []


def test_one_that_the_list_leaves_out_but_telnyx_still_knows_is_not_missing(
    mirrored: Any, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = mirrored()
    change_at_telnyx(sandbox_account, row.remote, application_name="renamed")
    monkeypatch.setattr(
        "applications.mirror.store.pages", lambda kind, account, alive: iter([Page(timezone.now(), {}, [])])
    )
    record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    row.refresh_from_db()
    assert (record.state, record.missing, record.updated) == ("done", 0, 1)
    assert (row.missing_since, row.application_name) == (None, "renamed")


def test_a_list_older_than_our_own_save_does_not_overwrite_it(mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    row = mirrored()
    before, asked_at = known(CALL_CONTROL, sandbox_account), sql.clock()
    store(CALL_CONTROL, sandbox_account, {**row.remote, "application_name": "newer"}, PORTAL, "saved meanwhile")
    for as_it_was in (before, known(CALL_CONTROL, sandbox_account), {}):
        page = Page(asked_at, {row.telnyx_id: row.remote}, [])
        told = news(page, as_it_was)
        counts = write(CALL_CONTROL, sandbox_account, told, PORTAL, "late")
        row.refresh_from_db()
        unchanged = len(page.remotes) - len(told.remotes) + counts["unchanged"]
        assert (row.application_name, unchanged, counts["updated"]) == ("newer", 1, 0)


@pytest.mark.usefixtures("only_account")
def test_differences_are_told_and_nothing_is_written(mirrored: Any, sandbox_account: TelnyxAccount) -> None:
    kept, gone = mirrored(name="kept"), mirrored(name="gone")
    ask(sandbox_account, "call_control_applications.delete", gone.telnyx_id)
    change_at_telnyx(sandbox_account, kept.remote, inbound={"channel_limit": 4})
    new = at_telnyx(sandbox_account, name="new")
    found = {
        change["id"]: change
        for change in differences(CALL_CONTROL, sandbox_account, whole(CALL_CONTROL, sandbox_account))
    }
    assert {id: change["change"] for id, change in found.items()} == {
        kept.telnyx_id: "updated",
        gone.telnyx_id: "missing",
        new["id"]: "created",
    }
    assert {change["name"] for change in found.values()} == {"kept", "gone", "new"}
    assert found[kept.telnyx_id]["fields"]["inbound.channel_limit"] == {"here": None, "there": 4}
    kept.refresh_from_db()
    assert (kept.inbound["channel_limit"], CallControlApplication.objects.count()) == (None, 2)


def listed(*ids: str) -> Page:
    """Applications as a list has them that was asked for just now."""
    return Page(timezone.now(), {id: {"id": id, "application_name": f"{id} as listed"} for id in ids}, [])


def names() -> dict[str, str]:
    return dict(CallControlApplication.objects.values_list("telnyx_id", "application_name"))


@pytest.mark.parametrize(("before", "after"), [(None, {"channel_limit": 4}), ({"channel_limit": 4}, None)])
def test_an_object_that_came_or_went_as_a_whole_is_told_whole(account: TelnyxAccount, before: Any, after: Any) -> None:
    remote = {"id": "7", "application_name": "router"}
    store(CALL_CONTROL, account, remote | {"inbound": before}, PORTAL, "read")
    page = Page(timezone.now(), {"7": remote | {"inbound": after}}, [])
    (told,) = differences(CALL_CONTROL, account, [page])
    assert (told["change"], told["fields"]) == ("updated", {"inbound": {"here": before, "there": after}})


def test_one_that_the_database_does_not_take_keeps_no_other_of_its_page_out(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = mirror_store._keep

    def keep_all_but_one(kind: Any, new: Any, old: Any, *how: Any) -> None:
        if any(row.telnyx_id == "odd" for row in [*new, *old]):
            raise DataError("unsupported Unicode escape sequence")
        keep(kind, new, old, *how)

    monkeypatch.setattr(mirror_store, "_keep", keep_all_but_one)
    store(CALL_CONTROL, account, {"id": "known", "application_name": "as it was"}, PORTAL, "pulled")
    page = listed("known", "odd", "new")
    counts = write(CALL_CONTROL, account, news(page, known(CALL_CONTROL, account)), PORTAL, "pulled")
    assert names() == {"known": "known as listed", "new": "new as listed"}
    assert (counts["updated"], counts["created"], counts["unchanged"]) == (1, 1, 0)
    (error,) = page.errors
    assert (error["id"], error["kind"]) == ("odd", "not stored")
    assert "Unicode" in error["message"]


def test_one_that_was_stored_while_its_list_was_read_stays_as_it_was_stored(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collide(*_: Any) -> None:
        store(CALL_CONTROL, account, {"id": "made", "application_name": "made here"}, PORTAL, "created")
        raise IntegrityError("one_row_per_application")

    monkeypatch.setattr(mirror_store, "_write", collide)
    page = replace(listed("made", "new"), asked_at=ago(1))  # SQLite's times have three digits of a second
    counts = write(CALL_CONTROL, account, news(page, known(CALL_CONTROL, account)), PORTAL, "pulled")
    assert names() == {"made": "made here", "new": "new as listed"}
    assert (counts["unchanged"], counts["created"], page.errors) == (1, 1, [])
    assert CallControlApplication.objects.get(telnyx_id="made").history.count() == 1


def test_one_that_a_pull_brings_just_when_it_is_kept_is_the_same_row(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = mirror_store._store

    def too_late(*told: Any) -> Any:
        monkeypatch.setattr(mirror_store, "_store", really)
        store(CALL_CONTROL, account, {"id": "made", "application_name": "as pulled"}, PORTAL, "pulled (portal)")
        raise IntegrityError("one_row_per_application")

    monkeypatch.setattr(mirror_store, "_store", too_late)
    remote = {"id": "made", "application_name": "made here"}
    row, outcome = store(CALL_CONTROL, account, remote, Actor("user: ada"), "created (user: ada)")
    assert (outcome, names(), row) == ("updated", {"made": "made here"}, CallControlApplication.objects.get())
    assert [(entry.history_actor, entry.history_change_reason) for entry in row.history.all()] == [
        ("user: ada", "created (user: ada)"),
        ("portal", "pulled (portal)"),
    ]


def test_a_row_that_no_answer_was_kept_in_before_takes_that_of_a_list(account: TelnyxAccount) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id="made", application_name="by hand")
    write(CALL_CONTROL, account, listed("made"), PORTAL, "pulled")
    assert names() == {"made": "made as listed"}


@pytest.mark.parametrize(("later", "name"), [(0, "made here"), (1, "made as listed")])
def test_a_list_that_was_asked_for_before_or_just_when_a_row_was_saved_leaves_it(
    account: TelnyxAccount, later: int, name: str
) -> None:
    row, _ = store(CALL_CONTROL, account, {"id": "made", "application_name": "made here"}, PORTAL, "created")
    page = replace(listed("made"), asked_at=row.pulled_at + timedelta(microseconds=later))
    write(CALL_CONTROL, account, page, PORTAL, "pulled")
    assert names() == {"made": name}


def test_one_without_a_name_is_told_as_new_and_a_list_of_none_says_so(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Page(timezone.now(), {"7": {"id": "7"}}, [])
    assert differences(CALL_CONTROL, account, [page]) == [{"id": "7", "name": "", "change": "created"}]
    empty = {"data": [], "meta": {"total_pages": 0, "total_results": 0}}
    monkeypatch.setattr(mirror_store, "ask", lambda *_, **__: empty)
    assert [(page.remotes, page.total) for page in pages(CALL_CONTROL, account)] == [({}, 0)]
