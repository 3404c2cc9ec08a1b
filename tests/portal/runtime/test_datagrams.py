"""Wake-ups as datagrams: sent without waiting, and lost at most."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as django

from portal.runtime.datagrams import Fate, Inbox, Sender, Taken, path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings) -> Path:
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def inbox():
    with_socket = Inbox()
    yield with_socket
    with_socket.close()


def test_a_wake_up_is_a_task_and_an_id(inbox: Inbox) -> None:
    assert Sender().send("voice.process_event", "1") is Fate.SENT
    assert inbox.receive() == ("voice.process_event", "1")


def test_a_task_without_an_id_has_an_empty_one(inbox: Inbox) -> None:
    assert Sender().send("portal.heartbeat", "") is Fate.SENT
    assert inbox.receive() == ("portal.heartbeat", "")


def test_where_nobody_listens_the_sender_is_told_so() -> None:
    assert Sender().send("voice.process_event", "1") is Fate.NOBODY


def test_a_worker_that_was_killed_leaves_a_file_and_the_next_one_takes_its_place() -> None:
    killed = Inbox()
    killed._socket.close()
    assert path().is_socket()
    assert Sender().send("voice.process_event", "1") is Fate.NOBODY
    following = Inbox()
    assert Sender().send("voice.process_event", "2") is Fate.SENT
    assert following.receive() == ("voice.process_event", "2")
    following.close()


def test_one_that_ends_takes_its_file_away(inbox: Inbox) -> None:
    inbox.close()
    assert not path().exists()


def test_a_second_worker_of_a_host_does_not_take_the_first_ones_place(inbox: Inbox) -> None:
    with pytest.raises(Taken, match="Another worker"):
        Inbox()
    assert Sender().send("voice.process_event", "1") is Fate.SENT


def test_a_full_socket_is_told_at_once(inbox: Inbox) -> None:
    sender, fate = Sender(), Fate.SENT
    for _ in range(100_000):
        if (fate := sender.send("voice.process_event", "1")) is not Fate.SENT:
            break
    assert fate is Fate.FULL
    assert inbox.receive() == ("voice.process_event", "1")
    assert sender.send("voice.process_event", "2", patient=True) is Fate.SENT


def test_when_its_file_is_taken_away_it_makes_another(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    path().unlink()
    assert Sender().send("voice.process_event", "1") is Fate.NOBODY
    assert inbox.receive() is None  # nothing came for a second: then it looks
    assert Sender().send("voice.process_event", "2") is Fate.SENT
    assert inbox.receive() == ("voice.process_event", "2")


def test_a_second_ones_file_is_left_alone(inbox: Inbox) -> None:
    path().unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(path()))
        inbox.close()
        assert path().is_socket()


def test_only_the_portals_user_may_wake(inbox: Inbox) -> None:
    assert path().stat().st_mode & 0o777 == 0o600


def test_bytes_that_are_no_wake_up_are_passed_over(inbox: Inbox) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"\xff\xfe", str(path()))
        stranger.sendto(b"", str(path()))
    assert inbox.receive() is None
    assert inbox.receive() == ("", "")


@pytest.mark.skipif(sys.platform != "linux", reason="the way around is Linux's")
def test_a_data_directory_may_lie_deeper_than_a_socket_may(folder: Path, settings) -> None:
    settings.VAR_DIR = folder / ("x" * 120)
    assert Sender().send("voice.process_event", "1") is Fate.NOBODY
    settings.VAR_DIR.mkdir()
    inbox = Inbox()
    assert Sender().send("voice.process_event", "1") is Fate.SENT
    assert inbox.receive() == ("voice.process_event", "1")
    with pytest.raises(Taken, match="Another worker listens"):
        Inbox()
    inbox.close()
    assert list(settings.VAR_DIR.iterdir()) == []


@pytest.mark.parametrize("command", ["worker", "work"])
def test_a_second_worker_is_told_so_in_a_line(inbox: Inbox, folder: Path, command: str) -> None:
    line = [sys.executable, "manage.py", command]
    environment = {**os.environ, "PORTAL_VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    ended = subprocess.run(line, cwd=django.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"CommandError: Another worker listens at {path()}" in ended.stderr


def test_who_is_not_patient_waits_for_no_room(inbox: Inbox) -> None:
    sender = Sender()
    while sender.send("voice.process_event", "1") is Fate.SENT:
        pass
    begin = time.monotonic()
    assert [sender.send("voice.process_event", "1") for _ in range(5)] == [Fate.FULL] * 5
    assert time.monotonic() - begin < 2.5  # a patient one would have waited a second each time
