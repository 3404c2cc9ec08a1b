"""The sandbox reads the SDK once, before whatever needs it and for nothing else."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.sandbox.server import server
from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http

APPLICATION = {"application_name": "one", "webhook_event_url": "https://example.com/"}


class Reading:
    """Stands in for the reading, which this process has done long ago: counts it, and takes as long as it is let."""

    def __init__(self) -> None:
        self.count, self.allowed = 0, threading.Event()
        self.allowed.set()

    def __call__(self) -> None:
        self.count += 1
        assert self.allowed.wait(60)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    reading = Reading()
    monkeypatch.setattr(server, "_read_sdk", reading)
    return reading


@pytest.fixture
def lazy(reading: Reading, tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "state.sqlite3", reads_sdk_at_start=False) as sandbox:
        yield sandbox


def test_who_only_looks_waits_for_nothing(lazy: Sandbox, reading: Reading) -> None:
    http = Http(lazy.port)
    for path in ("/sandbox/ready", "/sandbox/ledger", "/v2/call_control_applications", "/v2/texml_applications"):
        assert http("GET", path)[0] == 200
    assert http("DELETE", "/sandbox/faults")[0] == 200
    assert reading.count == 0


def test_a_call_waits_before_it_rings(lazy: Sandbox, reading: Reading) -> None:
    http = Http(lazy.port)
    assert http("POST", "/sandbox/calls", {"scenario": "answered"})[0] == 404  # no application to call yet
    assert reading.count == 1


def test_all_who_act_at_once_wait_for_one_reading(lazy: Sandbox, reading: Reading) -> None:
    reading.allowed.clear()
    http = Http(lazy.port)
    with ThreadPoolExecutor(4) as pool:
        acts = [pool.submit(http, "POST", "/v2/call_control_applications", APPLICATION) for _ in range(4)]
        assert http("GET", "/v2/call_control_applications")[0] == 200  # meanwhile
        assert not any(act.done() for act in acts)
        reading.allowed.set()
        assert {act.result(60)[0] for act in acts} == {201}
    assert reading.count == 1


def test_it_is_read_at_the_start_where_that_is_asked_for(reading: Reading, tmp_path: Path) -> None:
    with Sandbox(tmp_path / "state.sqlite3") as sandbox:
        assert reading.count == 1
        Http(sandbox.port)("POST", "/v2/call_control_applications", APPLICATION)
    assert reading.count == 1
