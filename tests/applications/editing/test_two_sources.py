"""Changes made here and at Telnyx at the same time: the history puts each of them to who made it."""

import json
from typing import Any

import httpx
import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.editing.service import update_application
from applications.mirror import store as mirror_store
from applications.mirror.store import Page, store
from applications.models import Intent, Pull
from applications.pulls.pulls import pull
from portal import sql
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.application_pages import drawn, row_url
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, remote_of
from tests.support.sandbox_ledger import requests
from tests.support.telnyx_edits import edited, reasons
from tests.support.under_way import Act, Meanwhile, answers_otherwise

pytestmark = pytest.mark.usefixtures("only_account")
KINDS = [CALL_CONTROL, TEXML]
SEEN = "changed at Telnyx, seen by token: tests"
OURS = "changed (token: tests)"


def _url(row: Any, kind: Any = CALL_CONTROL) -> str:
    return f"/api/v1/{kind.slug}/{row.telnyx_id}/"


def _save(api: APIClient, row: Any, values: Any, kind: Any = CALL_CONTROL, **headers: str) -> Any:
    answer = api.patch(_url(row, kind), values, format="json", headers=headers)
    assert answer.status_code == 200, answer.content
    return answer.json()


def _history(api: APIClient, row: Any, kind: Any = CALL_CONTROL) -> list[tuple[str, set[str]]]:
    """Reason and changed fields, newest first, without the first version."""
    entries = api.get(f"{_url(row, kind)}history/").json()["results"][:-1]
    return [(entry["reason"], set(entry["changes"]) - {"updated_at"}) for entry in entries]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_what_a_save_comes_upon_is_stored_first_as_theirs(
    api: APIClient, sandbox: Sandbox, mirrored: Any, kind: Any
) -> None:
    row = mirrored(kind)
    edited(sandbox, row, {kind.model.url_field: "https://theirs.example/", "inbound": {"channel_limit": 4}}, kind=kind)
    _save(api, row, {"first_command_timeout_secs": 9}, kind)
    assert _history(api, row, kind) == [
        (OURS, {"first_command_timeout_secs"}),
        (SEEN, {kind.model.url_field, "inbound.channel_limit"}),
    ]
    row.refresh_from_db()
    assert row.remote == remote_of(row, kind)


def test_the_page_tells_what_a_save_came_upon_until_the_next_change(
    browser: Client, sandbox: Sandbox, mirrored: Any
) -> None:
    row = mirrored()
    form = drawn(browser, row_url("change", row))
    edited(sandbox, row, {"dtmf_type": "Inband"})
    assert browser.post(row_url("change", row), form | {"webhook_timeout_secs": "9"}).status_code == 302
    page = browser.get(row_url("change", row)).content.decode()
    assert "Changed at Telnyx</b>" in page
    assert "RFC 2833 → Inband" in page
    form = drawn(browser, row_url("change", row))
    assert browser.post(row_url("change", row), form | {"webhook_timeout_secs": "10"}).status_code == 302
    assert "Changed at Telnyx</b>" not in browser.get(row_url("change", row)).content.decode()


def test_a_save_that_sends_nothing_writes_nothing(
    api: APIClient, browser: Client, sandbox: Sandbox, mirrored: Any
) -> None:
    row = mirrored()
    noted = AuditEvent.objects.count()
    _save(api, row, {"application_name": "router"})
    assert browser.post(row_url("change", row), drawn(browser, row_url("change", row))).status_code == 302
    assert (requests(sandbox, "PATCH"), reasons(row), AuditEvent.objects.count()) == ([], ["pulled (portal)"], noted)
    edited(sandbox, row, {"application_name": "theirs"})
    _save(api, row, {"application_name": "theirs"})
    assert (requests(sandbox, "PATCH"), _history(api, row)) == ([], [(SEEN, {"application_name"})])


def test_a_pull_during_a_slow_save_takes_nothing_of_it_for_somebody_elses(
    api: APIClient, sandbox: Sandbox, mirrored: Any, meanwhile: Meanwhile
) -> None:
    row = mirrored()
    meanwhile.do("PATCH", lambda: pull(CALL_CONTROL, row.account, PORTAL))
    _save(api, row, {"webhook_timeout_secs": 9})
    assert _history(api, row) == [(OURS, {"webhook_timeout_secs"})]


def test_nor_when_telnyx_writes_the_value_otherwise(
    api: APIClient, mirrored: Any, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        lowered = answer.content.replace(b"DESK", b"desk")
        return httpx.Response(answer.status_code, content=lowered, headers={"content-type": "application/json"})

    answers_otherwise(monkeypatch, change)
    row = mirrored()
    meanwhile.do("PATCH", lambda: pull(CALL_CONTROL, row.account, PORTAL))
    assert _save(api, row, {"inbound": {"sip_subdomain": "DESK"}})["inbound"]["sip_subdomain"] == "desk"
    assert _history(api, row) == [(OURS, {"inbound.sip_subdomain"})]


def test_nor_when_its_list_leaves_out_what_is_being_saved(
    api: APIClient, mirrored: Any, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        lowered = answer.content.replace(b"DESK", b"desk")
        return httpx.Response(answer.status_code, content=lowered, headers={"content-type": "application/json"})

    def pull_meanwhile() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(mirror_store, "pages", lambda *_: iter([Page(sql.clock(), {}, [])]))
            pulled.append(pull(CALL_CONTROL, row.account, PORTAL))

    answers_otherwise(monkeypatch, change)
    row, pulled = mirrored(), list[Pull]()
    meanwhile.do("PATCH", pull_meanwhile)
    _save(api, row, {"inbound": {"sip_subdomain": "DESK"}})
    assert [(one.state, one.unchanged, one.missing) for one in pulled] == [("done", 1, 0)]
    assert _history(api, row) == [(OURS, {"inbound.sip_subdomain"})]


def test_what_was_done_is_told_as_done_though_telnyx_cannot_be_asked_for_the_rest(
    api: APIClient, sandbox: Sandbox, mirrored: Any, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once of what the answer leaves out, once of what a pull has passed by meanwhile."""

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        told = json.loads(answer.content)["data"] if request.method == "PATCH" else {}
        if "channel_limit" not in json.loads(request.content or b"{}").get("inbound", {}):
            return None
        del told["inbound"]["sip_subdomain"]
        return httpx.Response(200, json={"data": told})

    def go_away() -> None:
        sandbox.faults.add({"method": "GET", "path": f"/call_control_applications/{row.telnyx_id}", "fault": "cut"})

    row = mirrored(inbound={"sip_subdomain": "sub", "channel_limit": 3})
    answers_otherwise(monkeypatch, change)
    meanwhile.do("PATCH", go_away)
    told = _save(api, row, {"inbound": {"channel_limit": 4}})["inbound"]
    assert (told["channel_limit"], told["sip_subdomain"], sandbox.faults.as_json()) == (4, "sub", [])
    meanwhile.do("PATCH", lambda: [pull(CALL_CONTROL, row.account, PORTAL), go_away()])
    assert _save(api, row, {"webhook_timeout_secs": 9})["webhook_timeout_secs"] == 9
    assert (sandbox.faults.as_json(), Intent.objects.count()) == ([], 0)
    assert _history(api, row) == [(OURS, {"webhook_timeout_secs"}), (OURS, {"inbound.channel_limit"})]


def test_a_late_answer_hides_nothing_that_came_after_it(
    api: APIClient, sandbox: Sandbox, mirrored: Any, meanwhile: Meanwhile
) -> None:
    row = mirrored()

    def others() -> None:
        edited(sandbox, row, {"webhook_timeout_secs": 20, "dtmf_type": "Inband"})
        pull(CALL_CONTROL, row.account, PORTAL)

    meanwhile.do("PATCH", others)
    told = _save(api, row, {"webhook_timeout_secs": 9})
    row.refresh_from_db()
    assert (row.remote, told["webhook_timeout_secs"]) == (remote_of(row), 20)
    assert _history(api, row) == [(SEEN, {"webhook_timeout_secs", "dtmf_type"}), (OURS, {"webhook_timeout_secs"})]


def test_an_answer_that_telnyx_dates_earlier_is_not_kept(mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored()
    older = row.remote
    edited(sandbox, row, {"dtmf_type": "Inband"})
    pull(CALL_CONTROL, row.account, PORTAL)
    stored, outcome = store(CALL_CONTROL, row.account, older, Actor("user: ada"), "changed (user: ada)")
    assert (outcome, stored.dtmf_type, stored.remote) == ("unchanged", "Inband", remote_of(row))


def test_what_is_changed_between_re_read_and_save_stays_and_is_theirs(
    api: APIClient, sandbox: Sandbox, mirrored: Any, meanwhile: Meanwhile
) -> None:
    row = mirrored(inbound={"channel_limit": 3, "sip_subdomain": "sub"})
    theirs = {"dtmf_type": "Inband", "inbound": {"sip_subdomain": "other"}, "outbound": {"channel_limit": 2}}
    meanwhile.before("PATCH", lambda: edited(sandbox, row, theirs))
    _save(api, row, {"inbound": {"channel_limit": 4}})
    there = remote_of(row)
    assert (there["dtmf_type"], there["outbound"]["channel_limit"]) == ("Inband", 2)
    assert (there["inbound"]["sip_subdomain"], there["inbound"]["channel_limit"]) == ("other", 4)
    row.refresh_from_db()
    assert row.remote == there
    assert _history(api, row) == [
        (OURS, {"inbound.channel_limit"}),
        (SEEN, {"dtmf_type", "inbound.sip_subdomain", "outbound.channel_limit"}),
    ]


def test_zero_is_not_taken_for_false(api: APIClient, mirrored: Any, sandbox: Sandbox) -> None:
    row = mirrored(inbound={"channel_limit": 1})
    with sandbox.exchange.transaction():
        there = sandbox.store.application("call_control_applications", row.telnyx_id)
        there["inbound"]["channel_limit"] = True  # of no type that the SDK knows, as Telnyx may have it
        sandbox.store.save_application("call_control_applications", there)
    _save(api, row, {"inbound": {"channel_limit": 1}})
    assert remote_of(row)["inbound"]["channel_limit"] == 1
    assert remote_of(row)["inbound"]["channel_limit"] is not True


@pytest.mark.parametrize(("before", "after"), [(None, {"channel_limit": 4}), ({"channel_limit": 4}, None)])
def test_an_object_that_others_make_or_take_away_meanwhile_is_theirs(
    api: APIClient, sandbox: Sandbox, sandbox_account: TelnyxAccount, meanwhile: Meanwhile, before: Any, after: Any
) -> None:
    def save(inbound: Any) -> None:
        sandbox.store.save_application(CALL_CONTROL.resource, remote | {"inbound": inbound})

    remote = at_telnyx(sandbox_account)
    save(before)
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    row = CALL_CONTROL.rows(sandbox_account).get()
    meanwhile.before("PATCH", lambda: save(after))
    _save(api, row, {"webhook_timeout_secs": 9})
    row.refresh_from_db()
    assert (row.remote, row.remote["inbound"]) == (remote_of(row), after)
    assert _history(api, row) == [(OURS, {"webhook_timeout_secs"}), (SEEN, {"inbound.channel_limit"})]
    assert row.history.all()[1].remote["inbound"] == after


def test_a_member_that_telnyx_had_never_told_is_changed_by_who_set_it(
    api: APIClient, sandbox: Sandbox, mirrored: Any, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if CALL_CONTROL.resource not in request.url.path:
            return None
        told = json.loads(answer.content, object_hook=_without_nulls)
        return httpx.Response(answer.status_code, json=told)

    answers_otherwise(monkeypatch, change)
    row = mirrored()
    assert "webhook_timeout_secs" not in row.remote
    meanwhile.before("PATCH", lambda: edited(sandbox, row, {"dtmf_type": "Inband"}))
    assert _save(api, row, {"webhook_timeout_secs": 9})["webhook_timeout_secs"] == 9
    assert _history(api, row) == [(OURS, {"webhook_timeout_secs"}), (SEEN, {"dtmf_type"})]


@pytest.mark.parametrize("is_wish_told", [True, False])
def test_what_the_answer_to_a_change_does_not_tell_is_asked_for(
    api: APIClient, sandbox: Sandbox, mirrored: Any, monkeypatch: pytest.MonkeyPatch, is_wish_told: bool
) -> None:
    """Which members of an object a PATCH keeps that it does not name is documented nowhere: here it keeps none."""

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.method != "PATCH":
            return None
        told = json.loads(answer.content)["data"]
        told["inbound"]["sip_subdomain"] = None
        sandbox.store.save_application(CALL_CONTROL.resource, told)
        del told["inbound"]["sip_subdomain"]
        if not is_wish_told:
            del told["webhook_timeout_secs"]
        return httpx.Response(200, json={"data": told})

    row = mirrored(inbound={"sip_subdomain": "sub", "channel_limit": 3})
    answers_otherwise(monkeypatch, change)
    told = _save(api, row, {"inbound": {"channel_limit": 4}, "webhook_timeout_secs": 9})
    row.refresh_from_db()
    assert (row.remote, told["webhook_timeout_secs"], told["inbound"]) == (remote_of(row), 9, row.inbound)
    assert (row.inbound["channel_limit"], row.inbound["sip_subdomain"]) == (4, None)
    assert _history(api, row) == [
        (OURS, {"webhook_timeout_secs", "inbound.channel_limit"}),
        (SEEN, {"inbound.sip_subdomain"}),
    ]


def test_what_nobody_told_before_is_asked_for_and_of_two_values_the_later_one_is_kept(
    api: APIClient, sandbox: Sandbox, mirrored: Any, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = list[str]()

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if CALL_CONTROL.resource not in request.url.path or (saved and request.method == "GET"):
            return None
        if request.method == "PATCH":
            saved.append(request.url.path)
        told = json.loads(answer.content)
        for one in told["data"] if isinstance(told["data"], list) else [told["data"]]:
            del one["webhook_timeout_secs"]
        return httpx.Response(answer.status_code, json=told)

    answers_otherwise(monkeypatch, change)
    row = mirrored()
    assert "webhook_timeout_secs" not in row.remote
    meanwhile.do("PATCH", lambda: edited(sandbox, row, {"dtmf_type": "Inband"}))
    assert _save(api, row, {"webhook_timeout_secs": 9})["webhook_timeout_secs"] == 9
    row.refresh_from_db()
    assert (row.remote, row.webhook_timeout_secs, row.dtmf_type) == (remote_of(row), 9, "Inband")


def test_after_a_save_telnyx_is_asked_once_more_only_where_a_pull_has_passed_by_meanwhile(
    sandbox: Sandbox, mirrored: Any, meanwhile: Meanwhile
) -> None:
    row, other = mirrored(), make_account("other", sandbox.base_url, sandbox.public_key)

    def asked() -> int:
        return sum(line["path"].endswith(row.telnyx_id) for line in requests(sandbox, "GET"))

    running = {"account": row.account, "kind": CALL_CONTROL.slug, "requested_by": "portal"}
    acts: list[tuple[Act, int]] = [
        (lambda: pull(TEXML, row.account, PORTAL), 1),
        (lambda: pull(CALL_CONTROL, other, PORTAL), 1),
        (lambda: pull(CALL_CONTROL, row.account, PORTAL), 2),
        (lambda: Pull.objects.create(**running), 2),
    ]
    for seconds, (act, times) in enumerate(acts, 5):
        before = asked()
        meanwhile.do("PATCH", act)
        update_application(row, {"webhook_timeout_secs": seconds}, PORTAL)
        assert (seconds, asked() - before) == (seconds, times)


def test_what_an_answer_leaves_out_of_what_nobody_touched_is_not_asked_for(
    api: APIClient, sandbox: Sandbox, mirrored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        if request.method != "PATCH":
            return None
        told = json.loads(answer.content)["data"]
        del told["inbound"], told["tags"]
        return httpx.Response(200, json={"data": told})

    row = mirrored(inbound={"channel_limit": 3})
    answers_otherwise(monkeypatch, change)
    told = _save(api, row, {"webhook_timeout_secs": 9})
    assert (told["webhook_timeout_secs"], told["inbound"]["channel_limit"]) == (9, 3)
    assert sum(line["path"].endswith(row.telnyx_id) for line in requests(sandbox, "GET")) == 1


def _without_nulls(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
