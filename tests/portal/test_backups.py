"""Backups: made under load, looked through, brought back; none that is not whole is taken for one."""

import base64
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client

from portal import backups
from portal.environment import database
from portal.models import TelnyxAccount
from tests.support.databases import database_of_its_own
from tests.support.factories import make_event
from tests.support.portal_processes import Portal
from tests.support.webhooks import post_webhook
from voice.models import CallEvent

pytestmark = [pytest.mark.database, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def backup(account: TelnyxAccount, tmp_path: Path) -> Path:
    return backups.make(tmp_path / "backups")


def test_what_was_answered_before_is_in_a_backup_made_under_load(account: TelnyxAccount, tmp_path: Path) -> None:
    answered: list[str] = []
    enough, stop = threading.Event(), threading.Event()

    def call() -> None:
        at = 0
        while not stop.is_set():
            event = make_event(leg=str(at))
            if post_webhook(Client(), account, event).status_code == 200:
                answered.append(event["data"]["id"])
            at += 1
            if at == 20:
                enough.set()
        connection.close()

    caller = threading.Thread(target=call)
    caller.start()
    try:
        assert enough.wait(60)
        before = set(answered)
        made = backups.make(tmp_path)
    finally:
        stop.set()
        caller.join()
    manifest = backups.check(made)
    assert len(before) <= manifest.rows[CallEvent._meta.db_table] <= len(answered) + 1
    assert CallEvent.objects.count() == len(answered)


def test_a_backup_comes_back_as_it_was(backup: Path, account: TelnyxAccount, empty: Any, tmp_path: Path) -> None:
    copies = tmp_path / "elsewhere" / "var" / "texml"  # of documents, as they were after the backup
    copies.mkdir(parents=True)
    (copies / "copy.json").write_text("{}")
    said = empty("restore", str(backup))
    assert not copies.exists()
    assert said.endswith("or manage.py migrate and your processes.\n")
    manifest = json.loads((backup / backups.MANIFEST).read_text())
    assert f"{sum(manifest['rows'].values()):,} rows of {manifest['made_at']:.16} are back." in said
    name, url = empty("webhook_url").split()
    assert (name, account.webhook_token in url) == (account.name, True)
    with pytest.raises(AssertionError, match="The database is not empty, and nothing is overwritten"):
        empty("restore", str(backup))


def test_a_backup_is_looked_through_and_nothing_changes(backup: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = TelnyxAccount.objects.count()
    call_command("restore", str(backup), "--check")
    said = capsys.readouterr()
    assert said.out.startswith("It is whole: ")
    assert said.err.splitlines() == ["Comparing the copy with its manifest …", "Reading every row of the copy …"]
    assert TelnyxAccount.objects.count() == before
    with pytest.raises(CommandError, match="not empty"):
        call_command("restore", str(backup))


def test_a_backup_tells_what_it_is_at_beside_what_is_piped_on(
    account: TelnyxAccount, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("backup", str(tmp_path / "backups"))
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1
    assert said.err.splitlines()[0] == "Copying the database …"
    assert "Reading every row of the copy …" in said.err.splitlines()


def test_nobody_else_may_read_it_and_no_key_is_in_it(backup: Path) -> None:
    assert [oct(path.stat().st_mode & 0o777) for path in (backup, *sorted(backup.glob("portal.*")))] == [
        "0o700",
        "0o600",
    ]
    manifest = (backup / backups.MANIFEST).read_text()
    assert all(key.hex() not in manifest for key in settings.PORTAL_ENCRYPTION_KEYS)


def spoil_by_a_byte(backup: Path) -> None:
    (copy,) = backup.glob("portal.*")
    spoiled = bytearray(copy.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    copy.write_bytes(spoiled)


def spoil_by_cutting(backup: Path) -> None:
    (copy,) = backup.glob("portal.*")
    copy.write_bytes(copy.read_bytes()[:-1])


def spoil_by_losing(backup: Path) -> None:
    (copy,) = backup.glob("portal.*")
    copy.unlink()


def spoil_manifest(**members: Any) -> Any:
    def spoil(backup: Path) -> None:
        manifest = json.loads((backup / backups.MANIFEST).read_text())
        (backup / backups.MANIFEST).write_text(json.dumps(manifest | members))

    return spoil


def spoil_rows(backup: Path) -> None:
    manifest = json.loads((backup / backups.MANIFEST).read_text())
    manifest["rows"]["portal_telnyxaccount"] += 1
    (backup / backups.MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_by_a_byte, "missing, cut off or changed"),
        (spoil_by_cutting, "missing, cut off or changed"),
        (spoil_by_losing, "missing, cut off or changed"),
        (spoil_rows, "Rows are missing or too many in portal_telnyxaccount"),
        (spoil_manifest(vendor="oracle"), "It is of oracle, and DATABASE_URL names"),
        (spoil_manifest(migrations=["voice.9999_next"]), "does not know voice.9999_next"),
        (spoil_manifest(keys=["12345678"]), "PORTAL_ENCRYPTION_KEYS lacks 12345678"),
        (spoil_manifest(more=1), "cannot be read"),
        (shutil.rmtree, "is no backup"),
    ],
)
def test_one_that_is_not_whole_or_not_for_here_is_refused(backup: Path, spoil: Any, words: str) -> None:
    spoil(backup)
    with pytest.raises(CommandError, match=words):
        call_command("restore", str(backup), "--check")


def test_a_backup_that_fails_leaves_nothing_behind(
    account: TelnyxAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_applied", lambda: ["voice.9999_next"])
    with pytest.raises(CommandError, match="does not know"):
        call_command("backup", str(tmp_path / "backups"))
    assert list((tmp_path / "backups").iterdir()) == []


def test_the_programs_of_postgresql_are_told_what_stands_in_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    with monkeypatch.context() as patched:
        asked = "postgres://ada:pw@/portal?host=/run/pg&sslmode=require&ssl_min_protocol_version=TLSv1.3&passfile=/p"
        asked += "&options=-c%20search_path%3Dvoice"
        patched.setattr(connections["default"], "settings_dict", database(asked))
        backups._run("sh", "-c", f"env > {told}")
    wanted = {"PGUSER=ada", "PGHOST=/run/pg", "PGSSLMODE=require", "PGSSLMINPROTOCOLVERSION=TLSv1.3", "PGPASSFILE=/p"}
    wanted.add("PGOPTIONS=-c search_path=voice")  # without our limits for pages
    assert wanted <= set(told.read_text().splitlines())


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Any]:
    """Run ``manage.py`` with an empty database of the same kind."""
    portal = Portal(tmp_path / "elsewhere")
    keys = (base64.b64encode(key).decode() for key in settings.PORTAL_ENCRYPTION_KEYS)
    portal.environment["PORTAL_ENCRYPTION_KEYS"] = ",".join(keys)
    with database_of_its_own("elsewhere") as environment:
        portal.environment |= environment
        yield lambda *line: portal.run("manage.py", *line)
