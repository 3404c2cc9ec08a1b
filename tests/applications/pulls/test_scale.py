"""A pull of 10,000 applications of each kind: what it writes, and how much memory it takes."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.kinds import KINDS, Kind
from applications.mirror.store import columns, digest
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from tests.support.accounts import make_account
from tests.support.quick_telnyx import QuickTelnyx

pytestmark = pytest.mark.long
MANY, SOME = 10_000, 1_000
SIXTEEN_MB = 16 * 1024 * 1024


@pytest.fixture
def telnyx() -> QuickTelnyx:
    return QuickTelnyx(MANY)


@pytest.fixture
def quick(db: None, telnyx: QuickTelnyx) -> Iterator[TelnyxAccount]:
    with telnyx.served() as url:
        yield make_account(base_url=url)


def _writing(kind: Kind, queries: CaptureQueriesContext) -> list[str]:
    """Statements that wrote applications or their history."""
    name = kind.model._meta.model_name or ""
    return [q["sql"] for q in queries if name in q["sql"] and q["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}]


def _pulled(kind: Kind, account: TelnyxAccount) -> tuple[Any, list[str]]:
    connection.queries_log.clear()
    with CaptureQueriesContext(connection) as queries:
        record = pull(kind, account, PORTAL)
    assert (record.state, record.progress, record.total) == ("done", MANY, MANY)
    return record, _writing(kind, queries)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.slug)
def test_of_ten_thousand_what_changed_is_written_and_nothing_else(
    kind: Kind, telnyx: QuickTelnyx, quick: TelnyxAccount
) -> None:
    _fill(kind, quick, telnyx)
    with _small_memory(quick, kind):
        record, writing = _pulled(kind, quick)
    assert (record.unchanged, writing) == (MANY, [])
    for at in range(0, MANY, SOME):
        telnyx.rows[kind.resource][at]["active"] = False
    telnyx.render()
    record, writing = _pulled(kind, quick)
    assert (record.updated, record.unchanged) == (10, MANY - 10)
    assert kind.rows(quick).filter(active=False).count() == 10
    updates = [sql for sql in writing if sql.startswith(f'UPDATE "{kind.model._meta.db_table}"')]
    assert len(updates) == 10  # one on each of ten pages, of one row each
    assert all(sql.count("WHEN") == sql.count("CASE") for sql in updates)
    assert kind.model.history.count() == 10  # type: ignore[attr-defined]


def test_new_ones_are_created_in_constant_memory(db: None) -> None:
    peaks = [_peak_of_creating(count) for count in (250, 1250)]
    assert peaks[1] < peaks[0] + 2 * 1024 * 1024


@pytest.mark.usefixtures("only_account")
def test_the_command_tells_how_far_it_is_on_a_terminal(db: None) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    err, quiet = Terminal(), StringIO()
    with QuickTelnyx(500).served() as url:
        make_account(base_url=url)
        call_command("pull_applications", stdout=StringIO(), stderr=err)
        call_command("pull_applications", stdout=StringIO(), stderr=quiet)
    assert "main call-control-applications [###############...............] 250 of 500" in err.getvalue()
    assert quiet.getvalue() == ""


@pytest.mark.usefixtures("only_account")
def test_export_plan_and_check_tell_how_far_they_are(db: None, tmp_path: Path) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    file, told = tmp_path / "apps.yaml", {}
    with QuickTelnyx(500).served() as url:
        make_account(base_url=url)
        for command in (
            ("applications", "export"),
            ("applications", "plan", str(file)),
            ("pull_applications", "--check"),
        ):
            out, told[command] = StringIO(), Terminal()
            with suppress(SystemExit):
                call_command(*command, stdout=out, stderr=told[command])
            if "export" in command:
                file.write_text(out.getvalue())
    assert [command for command, err in told.items() if "] 250 of 500" not in err.getvalue()] == []


@contextmanager
def _small_memory(account: TelnyxAccount, kind: Kind) -> Iterator[None]:
    """Watched for one kind alone: watching makes it four times as slow."""
    if kind is not KINDS[0]:
        yield
        return
    ask(account, kind.method("list"))  # loads the SDK, which is not what is measured
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < SIXTEEN_MB  # the ids alone grow with their number
    finally:
        tracemalloc.stop()


def _fill(kind: Kind, account: TelnyxAccount, telnyx: QuickTelnyx) -> None:
    """As a first pull leaves it, without its history."""
    now = timezone.now()
    rows = (
        kind.model(
            account=account,
            telnyx_id=remote["id"],
            remote=remote,
            remote_digest=digest(remote),
            pulled_at=now,
            numbers_count=0,
            **columns(kind.model, remote),
        )
        for remote in telnyx.rows[kind.resource]
    )
    kind.model._default_manager.bulk_create(rows, batch_size=500)


def _peak_of_creating(count: int) -> int:
    with QuickTelnyx(count).served() as url:
        account = make_account(f"with-{count}", base_url=url)
        tracemalloc.start()
        try:
            assert pull(KINDS[0], account, PORTAL).created == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
