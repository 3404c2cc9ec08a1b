"""The embedded queue: a message is delivered, hidden, acknowledged, and comes back when nobody did."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from queue import Empty

import pytest
from django.conf import settings
from kombu import Connection, Queue

from portal.runtime import sqlite_broker
from tests.support.clock import Clock

sqlite_broker.register()


@contextmanager
def channel_on(path: Path):
    with Connection(f"embedded:///{path}") as connection, connection.channel() as channel:
        yield channel


def put(channel, text: str, name: str = "events") -> None:
    message = channel.prepare_message(text)
    channel._put(name, message)


def get(channel, name: str = "events") -> dict:
    return channel._get(name)


def test_messages_come_out_in_order_and_once(tmp_path):
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        put(channel, "one")
        put(channel, "two")
        assert [get(channel)["body"], get(channel)["body"]] == ["one", "two"]
        with pytest.raises(Empty):
            get(channel)


def test_where_nobody_takes_messages_the_oldest_go(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_broker, "MOST_WAITING", 3)
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        for text in ("one", "two", "three", "four", "five"):
            put(channel, text)
        assert [get(channel)["body"] for _ in range(3)] == ["three", "four", "five"]
        with pytest.raises(Empty):
            get(channel)


def test_queues_are_apart(tmp_path):
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        put(channel, "for commands", "commands")
        with pytest.raises(Empty):
            get(channel)
        assert get(channel, "commands")["body"] == "for commands"


def test_what_is_not_acknowledged_comes_back_after_its_time(tmp_path, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(sqlite_broker, "time", clock)
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        put(channel, "one")
        get(channel)
        clock.now += sqlite_broker.VISIBILITY_SECONDS - 1
        with pytest.raises(Empty):
            get(channel)
        clock.now += 2
        assert get(channel)["body"] == "one"


def test_an_acknowledged_message_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_broker, "VISIBILITY_SECONDS", -1)
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        put(channel, "one")
        channel.basic_ack(get(channel)["properties"]["delivery_tag"])
        assert channel._size("events") == 0
        with pytest.raises(Empty):
            get(channel)


def test_a_rejected_message_comes_back_at_once_or_is_dropped(tmp_path):
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        put(channel, "one")
        channel.basic_reject(get(channel)["properties"]["delivery_tag"], requeue=True)
        channel.basic_reject(get(channel)["properties"]["delivery_tag"], requeue=False)
        assert channel._size("events") == 0


def test_messages_outlive_the_process_that_put_them(tmp_path):
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        put(channel, "one")
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        assert get(channel)["body"] == "one"


def test_purging_empties_one_queue(tmp_path):
    with channel_on(tmp_path / "queue.sqlite3") as channel:
        put(channel, "one")
        put(channel, "two", "commands")
        assert channel._purge("events") == 1
        assert channel._size("commands") == 1


def test_consumers_at_once_never_take_one_message_twice(tmp_path):
    taken: list[str] = []

    def consume() -> None:
        with channel_on(tmp_path / "queue.sqlite3") as channel:
            while True:
                try:
                    taken.append(get(channel)["body"])
                except Empty:
                    return

    with channel_on(tmp_path / "queue.sqlite3") as channel:
        for number in range(200):
            put(channel, str(number))
    threads = [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(taken, key=int) == [str(number) for number in range(200)]


def test_visibility_is_longer_than_the_longest_task():
    assert settings.CELERY_TASK_TIME_LIMIT < sqlite_broker.VISIBILITY_SECONDS


_APP = """
import pathlib
from celery import Celery
from portal.runtime import sqlite_broker
sqlite_broker.register()
app = Celery("proof")
app.conf.update(broker_url="embedded:///{folder}/queue.sqlite3", task_ignore_result=True, task_acks_late=True)
@app.task(name="write")
def write(name):
    with open(pathlib.Path({folder!r}) / name, "a") as file:
        file.write("ran\\n")
"""


def test_a_real_worker_runs_what_is_sent_and_acknowledges_it(tmp_path):
    (tmp_path / "proof.py").write_text(_APP.format(folder=str(tmp_path)))
    path = os.pathsep.join([str(tmp_path), str(settings.BASE_DIR)])
    environment = os.environ | {"PYTHONPATH": path, "C_FORCE_ROOT": "1"}
    environment.pop("CELERY_BROKER_URL", None)  # Celery prefers it to what the code says
    del environment["DJANGO_SETTINGS_MODULE"]  # the transport is to be proved, not Django
    send = "import proof; [proof.write.delay(f'note-{n}') for n in range(5)]"
    subprocess.run([sys.executable, "-c", send], env=environment, cwd=tmp_path, check=True, timeout=120)
    command = [sys.executable, "-m", "celery", "-A", "proof", "--quiet", "worker", "-P", "threads", "-c", "2"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    with (tmp_path / "log").open("w") as log:
        worker = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=log)
    try:
        with channel_on(tmp_path / "queue.sqlite3") as channel:
            _wait_for(lambda: channel._size("celery") == 0, tmp_path / "log")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    assert [(tmp_path / f"note-{number}").read_text() for number in range(5)] == ["ran\n"] * 5


def _wait_for(happened, log: Path) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def test_it_looks_often_while_messages_come_and_seldom_when_none_do(tmp_path):
    idle, busy = sqlite_broker._IDLE_POLL_SECONDS, sqlite_broker._BUSY_POLL_SECONDS
    assert 0 < busy < idle < 0.1  # seconds that a message may wait for the next look
    heard = []

    def hear(body, message) -> None:
        message.ack()
        heard.append((body, connection.transport.polling_interval))

    def nothing_comes() -> None:
        with pytest.raises(TimeoutError):
            connection.drain_events(timeout=0.05)
        assert connection.transport.polling_interval == idle

    with Connection(f"embedded:///{tmp_path / 'queue.sqlite3'}") as connection, connection.channel() as channel:
        queue = Queue("events", channel=channel)
        with connection.Consumer(queue, callbacks=[hear], channel=channel):
            nothing_comes()
            producer = connection.Producer(channel)
            for text in ("one", "two"):
                producer.publish(text, routing_key="events")
            connection.drain_events(timeout=10)
            connection.drain_events(timeout=10)
            assert heard == [("one", idle), ("two", busy)]
            connection.transport._busy_until = time.monotonic()  # two seconds go by without a message
            nothing_comes()
            assert channel._size("events") == 0


def test_whatever_became_of_a_message_it_makes_room_for_the_next(tmp_path):
    heard = []

    def hear(body, message) -> None:
        heard.append(body)
        (message.ack if body == "one" else message.reject)()

    with Connection(f"embedded:///{tmp_path / 'queue.sqlite3'}") as connection, connection.channel() as channel:
        channel.basic_qos(0, 1, False)  # one at a time
        queue = Queue("events", channel=channel)
        with connection.Consumer(queue, callbacks=[hear], channel=channel):
            producer = connection.Producer(channel)
            for text in ("one", "two", "three"):
                producer.publish(text, routing_key="events")
            for _ in range(3):
                connection.drain_events(timeout=10)
        assert (heard, channel._size("events")) == (["one", "two", "three"], 0)
