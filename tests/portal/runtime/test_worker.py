"""The worker of a host: woken by datagrams, it runs tasks on threads that keep their connections."""

import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import signals
from django.db import DatabaseError, connection

from portal import stopping
from portal.celery import app
from portal.runtime import worker
from portal.runtime.datagrams import Fate, Sender, path
from portal.runtime.wakeups import dropped
from portal.runtime.worker import Lane, Worker, has_time
from portal.telnyx.client import DEADLINE_SECONDS

PATIENCE = 60


def eventually(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def tasks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[..., Any]]:
    """Tasks of this test's own, by name; what they are named tells the queue."""
    own: dict[str, Callable[..., Any]] = {}

    class Task:
        def __init__(self, name: str) -> None:
            self.run = own[name]

    class Tasks(dict[str, Any]):
        def __contains__(self, name: object) -> bool:
            return name in own

        def __getitem__(self, name: str) -> Any:
            return Task(name)

    ours = {name: getattr(app, name) for name in ("loader", "amqp", "autodiscover_tasks")}
    monkeypatch.setattr(worker, "app", SimpleNamespace(tasks=Tasks(), **ours))
    return own


@pytest.fixture
def working(tmp_path: Path, settings: Any, tasks: dict[str, Callable[..., Any]]) -> Iterator[Worker]:
    """A worker that runs on a thread of this process, and has ended when the test has."""
    settings.VAR_DIR = tmp_path
    ended, here = threading.Event(), Worker()
    thread = threading.Thread(target=here.run, args=(ended.is_set,))
    thread.start()
    eventually(lambda: path().is_socket())
    yield here
    ended.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert not path().exists()


@pytest.mark.django_db(transaction=True)
def test_a_datagram_runs_the_task_with_its_id(working: Worker, tasks: dict[str, Any]) -> None:
    seen: list[Any] = []
    tasks |= {"voice.process_event": seen.append, "portal.heartbeat": lambda: seen.append("beat")}
    assert Sender().send("voice.process_event", "1") is Fate.SENT
    assert Sender().send("portal.heartbeat", "") is Fate.SENT
    eventually(lambda: set(seen) == {"1", "beat"})


@pytest.mark.django_db(transaction=True)
def test_what_fails_and_what_nobody_knows_costs_no_thread(working: Worker, tasks: dict[str, Any]) -> None:
    seen: list[str] = []

    def fail(kind: str) -> None:
        seen.append(kind)
        raise {"bug": ValueError, "database": DatabaseError}[kind]("no")

    tasks |= {"voice.process_event": fail}
    working.put("nobody.knows", "1")
    for kind in ("bug", "database") * 10:
        working.put("voice.process_event", kind)
    eventually(lambda: len(seen) == 20)


@pytest.mark.django_db(transaction=True)
def test_commands_that_wait_for_telnyx_hold_up_no_event(working: Worker, tasks: dict[str, Any]) -> None:
    let_go, seen = threading.Event(), list[str]()
    tasks |= {"voice.send_command": lambda _: let_go.wait(PATIENCE), "voice.process_event": seen.append}
    for number in range(200):
        working.put("voice.send_command", str(number))
    working.put("voice.process_event", "1")
    eventually(lambda: seen == ["1"])
    let_go.set()


@pytest.mark.django_db(transaction=True)
def test_a_hundred_tasks_make_no_new_connection(working: Worker, tasks: dict[str, Any]) -> None:
    done: list[object] = []

    def ask(_: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        done.append(connection.connection)

    def backends() -> set[object]:
        if connection.vendor == "sqlite":
            return set(done)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = CURRENT_DATABASE()")
            return {pid for (pid,) in cursor.fetchall()}

    tasks |= {"voice.process_event": ask}

    def work(count: int) -> None:
        before = len(done)
        for number in range(count):
            working.put("voice.process_event", str(number))
            eventually(lambda before=before, number=number: len(done) > before + number)

    work(40)  # each thread has had its turn
    known = backends()
    work(100)
    assert backends() - known == set()


@pytest.mark.django_db(transaction=True)
def test_a_thread_has_time_while_nobody_waits_for_one(working: Worker, tasks: dict[str, Any]) -> None:
    let_go, answers = threading.Event(), list[bool]()
    tasks |= {"voice.process_event": lambda _: answers.append(has_time()) or let_go.wait(PATIENCE)}
    working.put("voice.process_event", "1")
    eventually(lambda: answers == [True])
    count = working._lanes["events"]._count
    for number in range(count):
        working.put("voice.process_event", str(number))
    eventually(lambda: len(answers) == count)
    assert answers[-1] is False  # the last thread of its lane
    let_go.set()


@pytest.fixture
def took_meanwhile(tasks: dict[str, Any]) -> Iterator[list[bool]]:
    """What waits for a worker to be ready, as the import of the SDK does, and holds on until a wake-up has run."""
    ran, told = threading.Event(), list[bool]()

    def take_long(**_: object) -> None:
        told.append(ran.wait(PATIENCE))

    tasks |= {"voice.process_event": lambda _: ran.set()}
    signals.worker_ready.connect(take_long)
    yield told
    signals.worker_ready.disconnect(take_long)


@pytest.mark.django_db(transaction=True)
def test_who_waits_for_a_worker_is_told_and_holds_up_no_wake_up(took_meanwhile: list[bool], working: Worker) -> None:
    assert Sender().send("voice.process_event", "1") is Fate.SENT
    eventually(lambda: took_meanwhile == [True])


@pytest.fixture
def gets_ready() -> Iterator[list[threading.Thread]]:
    """The thread on which it is told that a worker is ready."""
    threads: list[threading.Thread] = []

    def note(**_: object) -> None:
        threads.append(threading.current_thread())

    signals.worker_ready.connect(note)
    yield threads
    signals.worker_ready.disconnect(note)


@pytest.mark.django_db(transaction=True)
def test_no_thread_that_is_late_keeps_the_process_alive(gets_ready: list[threading.Thread], working: Worker) -> None:
    eventually(lambda: gets_ready)
    late = [*gets_ready, *(thread for lane in working._lanes.values() for thread in lane._threads)]
    assert len(late) > len(working._lanes)
    assert all(thread.daemon for thread in late)


@pytest.mark.django_db(transaction=True)
def test_what_is_under_way_when_the_process_ends_comes_to_its_end(
    tmp_path: Path, settings: Any, tasks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(worker, "_END_SECONDS", PATIENCE)
    begun, ended, let_go, order = threading.Event(), threading.Event(), threading.Event(), list[str]()
    here = Worker()

    def slow(_: str) -> None:
        begun.set()
        let_go.wait(PATIENCE)
        order.append("the task")

    def run() -> None:
        here.run(ended.is_set)
        order.append("the worker")

    tasks |= {"voice.process_event": slow}
    thread = threading.Thread(target=run)
    thread.start()
    here.put("voice.process_event", "1")
    assert begun.wait(PATIENCE)
    ended.set()
    eventually(lambda: not path().exists())  # it takes nothing any more
    let_go.set()
    thread.join(PATIENCE)
    assert order == ["the task", "the worker"]


def test_a_lane_keeps_ten_thousand_and_counts_what_it_drops(tmp_path: Path, settings: Any) -> None:
    settings.VAR_DIR = tmp_path
    lane = Lane("events", 1)
    for number in range(10_002):
        lane.put("voice.process_event", str(number))
    assert (lane.dropped, dropped()) == (2, {"sender": 0, "worker": 2})


def test_what_waits_when_the_process_ends_is_left_to_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(worker, "_call", lambda task, arguments: begun.append(task))
    monkeypatch.setattr(stopping._Process, "is_ending", True)
    lane = Lane("events", 2)
    lane.put("voice.process_event", str(uuid.uuid4()))
    lane.start()
    lane.finish(time.monotonic() + PATIENCE)
    assert begun == []
    assert not any(thread.is_alive() for thread in lane._threads)


def test_what_does_not_come_to_its_end_in_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, let_go, ended = threading.Semaphore(0), threading.Event(), list[str]()

    def hold(task: str, arguments: tuple[str, ...]) -> None:
        begun.release()
        let_go.wait(PATIENCE)
        ended.append(*arguments)

    monkeypatch.setattr(worker, "_call", hold)
    lane = Lane("events", 2)
    lane.start()
    for number in range(2):
        lane.put("voice.process_event", str(number))
        assert begun.acquire(timeout=PATIENCE)
    lane.finish(time.monotonic() + 0.1)
    assert ended == []
    let_go.set()
    for thread in lane._threads:
        thread.join(PATIENCE)
    assert sorted(ended) == ["0", "1"]


def test_a_lane_has_room_while_nothing_waits_and_a_thread_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, let_go = threading.Semaphore(0), threading.Event()

    def hold(task: str, arguments: tuple[str, ...]) -> None:
        begun.release()
        let_go.wait(PATIENCE)

    monkeypatch.setattr(worker, "_call", hold)
    lane = Lane("events", 2)
    assert lane.has_room()
    lane.put("voice.process_event", "waits for a thread")
    assert not lane.has_room()
    lane.start()
    assert begun.acquire(timeout=PATIENCE)
    assert lane.has_room()
    lane.put("voice.process_event", "has the last one")
    assert begun.acquire(timeout=PATIENCE)
    assert not lane.has_room()
    let_go.set()
    eventually(lane.has_room)
    lane.finish(time.monotonic() + PATIENCE)


def test_beside_a_worker_whoever_is_not_the_main_thread_has_time() -> None:
    """The main thread of a web process waits for all connections, the one of Celery's for the next task."""
    told, is_main = [has_time()], threading.current_thread() is threading.main_thread()
    thread = threading.Thread(target=lambda: told.append(has_time()))
    thread.start()
    thread.join(PATIENCE)
    assert told == [not is_main, True]


def test_either_signal_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    acts, worked = dict[int, Callable[..., None]](), list[set[int]]()
    numbers = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
    monkeypatch.setattr(worker, "signal", SimpleNamespace(signal=acts.__setitem__, **numbers))
    monkeypatch.setattr(worker, "sys", SimpleNamespace(setswitchinterval=lambda seconds: None))
    monkeypatch.setattr(worker, "Worker", lambda: SimpleNamespace(run=lambda: worked.append({*acts})))
    worker.run()
    assert worked == [{signal.SIGTERM, signal.SIGINT}]
    for number, act in acts.items():
        monkeypatch.setattr(stopping._Process, "is_ending", False)
        act(number, None)
        assert stopping.has_begun()


def test_threads_take_turns_more_often_than_python_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds, worked = list[float](), list[bool]()
    monkeypatch.setattr(worker, "signal", SimpleNamespace(signal=lambda *_: None, SIGTERM=15, SIGINT=2))
    monkeypatch.setattr(worker, "sys", SimpleNamespace(setswitchinterval=seconds.append))
    monkeypatch.setattr(worker, "Worker", lambda: SimpleNamespace(run=lambda: worked.append(bool(seconds))))
    worker.run()
    assert (len(seconds), worked) == (1, [True])
    assert 0 < seconds[0] < 0.005  # Python's own


def test_a_worker_has_so_many_threads_and_lets_a_request_that_has_left_come_to_its_end() -> None:
    assert worker._THREADS == {
        "postgresql": {"events": 8, "commands": 32},
        "sqlite": {"events": 4, "commands": 8},
    }
    assert worker._END_SECONDS == DEADLINE_SECONDS + 1
