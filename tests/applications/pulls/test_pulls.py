import threading
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.utils import timezone

from applications.kinds import Kind
from applications.models import CallControlApplication, Pull
from applications.pulls.pulls import begin, pull, pull_within, run
from portal.actors import PORTAL, Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.sandbox.texml import accounts
from portal.tasks import clean_up
from portal.telnyx import patience
from portal.telnyx.client import ask
from tests.support.accounts import make_account
from tests.support.applications import CALL_CONTROL, TEXML, at_telnyx, change_at_telnyx
from tests.support.clock import Gate
from tests.support.clocks import is_near, set_wrong
from tests.support.sandbox_ledger import requests
from tests.support.under_way import answers_otherwise

ADA = Actor("user: ada")


def _filled(account: TelnyxAccount, number: int) -> list[str]:
    ids = [at_telnyx(account, name=f"number {n}")["id"] for n in range(number)]
    pull(CALL_CONTROL, account, PORTAL)
    return ids


def _delete(account: TelnyxAccount, ids: list[str]) -> None:
    for id in ids:
        ask(account, "call_control_applications.delete", id)


def _missing() -> int:
    return CallControlApplication.objects.exclude(missing_since=None).count()


def test_what_looks_like_a_mass_delete_is_stopped_until_accepted(sandbox_account: TelnyxAccount) -> None:
    ids = _filled(sandbox_account, 12)
    _delete(sandbox_account, ids[:6])
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    assert (record.state, record.missing, _missing()) == ("stopped", 0, 0)
    assert "6 of 12" in record.errors[0]["message"]
    assert pull(CALL_CONTROL, sandbox_account, ADA, accept_missing=True).missing == 6
    assert _missing() == 6


def test_five_missing_ones_are_no_mass_delete(sandbox_account: TelnyxAccount) -> None:
    _delete(sandbox_account, _filled(sandbox_account, 8)[:5])
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    assert (record.state, record.missing) == ("done", 5)


def test_an_empty_list_where_several_were_known_is_stopped(sandbox_account: TelnyxAccount) -> None:
    _delete(sandbox_account, _filled(sandbox_account, 2))
    assert pull(CALL_CONTROL, sandbox_account, ADA).state == "stopped"
    assert _missing() == 0


def test_an_outage_fails_the_pull_and_marks_nothing(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    _filled(sandbox_account, 1)
    sandbox.faults.add({"method": "GET", "path": "/call_control_applications", "fault": "status", "value": 500})
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    assert (record.state, record.errors[0]["kind"], _missing()) == ("failed", "unavailable", 0)
    assert record.finished_at is not None


def test_an_error_while_confirming_is_no_deletion(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    (id,) = _filled(sandbox_account, 1)
    _delete(sandbox_account, [id])
    path = f"/call_control_applications/{id}"
    sandbox.faults.add({"method": "GET", "path": path, "fault": "status", "value": 401})
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    assert (record.state, record.errors[0]["kind"], _missing()) == ("failed", "refused", 0)


def test_a_second_request_gets_the_running_pull(account: TelnyxAccount) -> None:
    first, began = begin(CALL_CONTROL, account, PORTAL)
    second, again = begin(CALL_CONTROL, account, PORTAL)
    assert (second, began, again) == (first, True, False)


def test_a_pull_that_fell_silent_is_replaced_and_goes_no_further(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.mirror.store.PAGE_SIZE", 1)
    for name in ("one", "two", "three"):
        at_telnyx(sandbox_account, name=name)
    dead, _ = begin(CALL_CONTROL, sandbox_account, PORTAL)
    Pull.objects.filter(pk=dead.pk).update(seen_alive_at=timezone.now() - timedelta(seconds=61))
    fresh, began = begin(CALL_CONTROL, sandbox_account, PORTAL)
    run(dead, PORTAL)  # it was only slow, and wakes up
    assert requests(sandbox, "GET") == []
    dead.refresh_from_db()
    assert (began, fresh.pk != dead.pk) == (True, True)
    assert (dead.state, dead.errors[0]["kind"]) == ("failed", "interrupted")


def test_an_error_of_our_own_ends_the_record_too(
    sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr("applications.mirror.store.pages", broken)
    with pytest.raises(MemoryError):
        pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert Pull.objects.get().state == "failed"


def test_an_application_without_an_id_is_an_error_of_its_own(
    sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("applications.mirror.store.ask", lambda *_, **__: {"data": [{"id": "1"}, {"id": None}, 5]})
    record = pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert (record.state, record.created, len(record.errors)) == ("done", 1, 1)


def test_a_429_is_waited_out_by_a_pull_wherever_it_comes(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, waits: list[float]
) -> None:
    gone, _ = _filled(sandbox_account, 2)
    _delete(sandbox_account, [gone])
    for path in ("/whoami", "/call_control_applications", f"/call_control_applications/{gone}"):
        sandbox.faults.add({"method": "GET", "path": path, "fault": "status", "value": 429})
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    assert (record.state, record.missing, record.unchanged) == ("done", 1, 1)
    assert len(waits) == 3


def test_a_pull_that_waits_for_telnyx_shows_every_ten_seconds_that_it_is_alive(
    sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, _ = _filled(sandbox_account, 2)
    _delete(sandbox_account, [gone])
    waited, asked = list[tuple[float, bool]](), set[str]()

    def sleep(seconds: float) -> None:
        running = Pull.objects.filter(state=Pull.State.RUNNING)
        waited.append((seconds, is_near(running.get().seen_alive_at)))
        running.update(seen_alive_at=timezone.now() - timedelta(seconds=59))

    def change(request: httpx.Request, answer: httpx.Response) -> httpx.Response | None:
        word = request.url.path.rpartition("/")[2]
        if word in asked or word not in {"whoami", "call_control_applications", gone}:
            return None
        asked.add(word)
        return httpx.Response(429, headers={"retry-after": "25"}, json={"errors": [{"code": "10011"}]})

    monkeypatch.setattr(patience, "time", SimpleNamespace(sleep=sleep))
    answers_otherwise(monkeypatch, change)
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    assert (record.state, record.missing, record.unchanged) == ("done", 1, 1)
    assert waited == [(10, True), (10, True), (5, True)] * 3


def test_the_key_of_another_organization_writes_nothing(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = _filled(sandbox_account, 2)
    sandbox.reset()
    at_telnyx(sandbox_account, name="a stranger's")
    monkeypatch.setitem(accounts._IDS, "organization_id", "somebody-else")
    sandbox_account.refresh_from_db()
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    assert (record.state, record.created, _missing()) == ("stopped", 0, 0)
    assert "belongs to another Telnyx account" in record.errors[0]["message"]
    assert {row.telnyx_id for row in CallControlApplication.objects.filter(account=sandbox_account)} == {*mine}
    accepted = pull(CALL_CONTROL, sandbox_account, ADA, accept_missing=True)
    assert (accepted.state, accepted.created, accepted.missing) == ("done", 1, 2)
    assert pull(CALL_CONTROL, sandbox_account, ADA).state == "done"


def test_what_looks_like_a_mass_delete_writes_nothing_at_all(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    _filled(sandbox_account, 12)
    sandbox.reset()
    for name in ("new", "newer"):
        at_telnyx(sandbox_account, name=name)
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    assert (record.state, record.created, _missing()) == ("stopped", 0, 0)
    assert CallControlApplication.objects.filter(account=sandbox_account).count() == 12


def test_a_persons_pull_is_audited_and_the_periodic_one_is_not(sandbox_account: TelnyxAccount) -> None:
    pull(CALL_CONTROL, sandbox_account, PORTAL)
    assert not AuditEvent.objects.exists()
    pull(CALL_CONTROL, sandbox_account, ADA)
    assert AuditEvent.objects.get().action == "application.pull"


@pytest.mark.django_db(transaction=True)
def test_a_slow_pull_goes_on_in_its_thread(sandbox: Sandbox, sandbox_account: TelnyxAccount, gate: Gate) -> None:
    at_telnyx(sandbox_account)
    sandbox.faults.add({"method": "GET", "path": "/call_control_applications", "fault": "drip", "value": 1})
    record = pull_within(0.01, CALL_CONTROL, sandbox_account, ADA)
    assert record.state == "running"
    gate.opened.set()
    for thread in threading.enumerate():
        if "_in_thread" in thread.name:
            thread.join(60)
    record.refresh_from_db()
    assert (record.state, record.created) == ("done", 1)


@pytest.mark.parametrize("seconds", [-600, 600])
def test_a_worker_whose_clock_is_wrong_takes_what_telnyx_has_and_names_who_did_it(
    sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    _filled(sandbox_account, 1)
    change_at_telnyx(sandbox_account, CallControlApplication.objects.get().remote, tags=["a"])
    set_wrong(monkeypatch, seconds)
    record = pull(CALL_CONTROL, sandbox_account, ADA)
    row = CallControlApplication.objects.get()
    assert (record.updated, row.tags) == (1, ["a"])
    assert row.history.first().history_change_reason.startswith("changed at Telnyx")
    assert is_near(row.pulled_at)


def test_only_a_pull_that_should_be_running_asks_what_time_it_is(
    account: TelnyxAccount, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert not Pull(account=account, kind="call-control", state=Pull.State.DONE).is_silent


def test_pulls_are_forgotten_but_the_last_of_each_account_and_kind_and_the_last_that_did_not_fail(
    account: TelnyxAccount,
) -> None:
    other = make_account("other")

    def pulled(days: int, state: str, of: TelnyxAccount = account, kind: Kind = CALL_CONTROL) -> uuid.UUID:
        row = Pull.objects.create(account=of, kind=kind.slug, state=state)
        Pull.objects.filter(pk=row.pk).update(started_at=timezone.now() - timedelta(days=days))
        return row.pk

    forgotten = {pulled(99, "done"), pulled(98, "failed"), pulled(93, "failed"), pulled(95, "stopped", other)}
    kept = {pulled(94, "stopped"), pulled(92, "failed"), pulled(400, "done", kind=TEXML)}
    kept |= {pulled(89, "failed", other), pulled(2, "done", other), pulled(200, "running", other, TEXML)}
    clean_up()
    assert set(Pull.objects.filter(pk__in=kept | forgotten).values_list("pk", flat=True)) == kept
