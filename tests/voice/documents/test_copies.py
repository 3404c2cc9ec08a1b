"""Copies on disk: their owner's alone, one version whole, and never an older one after a newer one."""

import os
import stat
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from voice.documents import copies
from voice.documents.copies import Published

COPY = Published(
    document_id="d",
    account_id="a",
    name="Menu",
    number=1,
    source="<Response/>",
    variables={"a": "😀"},
    apology="Sorry.",
    keys=["key"],
    signature="auto",
    is_verified=False,
)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.DOCUMENT_COPIES = tmp_path / "texml"
    return tmp_path / "texml"


def test_what_is_written_is_read_by_the_token_alone(folder: Path) -> None:
    copies.write("token", COPY)
    assert copies.read("token") == COPY
    assert copies.read("Token") is None
    assert copies.read("../texml/lock\x00\ud800") is None
    assert not [path for path in folder.iterdir() if "token" in path.name]
    copies.forget("token")
    copies.forget("token")
    assert copies.read("token") is None


def test_it_is_its_owners_alone(folder: Path) -> None:
    before = os.umask(0)  # whatever the process is started with
    try:
        copies.write("token", COPY)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())] == [0o700, 0o600, 0o600]


def test_an_older_version_does_not_come_in_after_a_newer_one() -> None:
    copies.write("token", replace(COPY, number=2))
    copies.write("token", COPY)
    copies.write("token", replace(COPY, number=2, is_verified=True))
    found = copies.read("token")
    assert found is not None
    assert (found.number, found.is_verified) == (2, True)


def test_who_reads_while_others_write_reads_one_version_whole() -> None:
    def at(number: int) -> Published:
        return replace(COPY, number=number, source=f"<Response>{number}</Response>" * 2000, apology=str(number))

    def write() -> None:
        for number in range(1, 60):
            copies.write("token", at(number))

    copies.write("token", at(0))
    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    seen = [0]
    while any(writer.is_alive() for writer in writers):
        found = copies.read("token")
        assert found is not None
        assert found == at(found.number)
        assert found.number >= seen[-1]
        seen.append(found.number)
    last = copies.read("token")
    assert last == at(59)


def test_a_spare_that_cannot_be_written_or_read_stops_nothing(folder: Path, settings: Any) -> None:
    copies.write("token", COPY)
    next(folder.glob("*.json")).write_text('{"number"')
    assert copies.read("token") is None
    copies.write("token", COPY)
    assert copies.read("token") == COPY
    (folder.parent / "file").write_text("")
    settings.DOCUMENT_COPIES = folder.parent / "file" / "texml"
    copies.write("token", COPY)
    assert copies.read("token") is None
