"""Wake-ups: handed over in memory, dropped rather than waited for."""

import queue
import threading
import time
import uuid

import pytest
from kombu.utils import functional

from portal.celery import app as celery
from portal.runtime import wakeups
from portal.runtime.datagrams import Inbox
from portal.runtime.wakeups import Publisher, count_dropped, dropped, wake, wake_task


@pytest.fixture(autouse=True)
def folder(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    return tmp_path


@pytest.fixture
def broker(monkeypatch):
    """Stands in for Celery: ``sent`` notes what is published, ``hold`` freezes it, ``fail`` is raised."""

    class Broker:
        def __init__(self) -> None:
            self.sent: list[tuple[str, list[str]]] = []
            self.hold = threading.Event()
            self.hold.set()
            self.fail: Exception | None = None
            self.reached = threading.Event()

        def send_task(self, name: str, args: list[str], **options: object) -> None:
            self.reached.set()
            assert self.hold.wait(60), "nobody let it go"
            if self.fail:
                raise self.fail
            self.sent.append((name, args))
            self.options = options

    fake = Broker()
    monkeypatch.setattr(wakeups, "app", fake)
    yield fake
    fake.hold.set()


def eventually(true) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_each_id_is_published_by_one_thread(broker, monkeypatch):
    monkeypatch.setattr(wakeups, "publisher", Publisher())
    ids = [uuid.uuid4() for _ in range(3)]
    wake("voice.send_command", *ids)
    eventually(lambda: len(broker.sent) == 3)
    assert broker.sent == [("voice.send_command", [str(identifier)]) for identifier in ids]
    assert broker.options["retry_policy"]["max_retries"] == 1  # a frozen broker holds up the thread twice, and no more


def test_what_a_restarted_broker_missed_is_sent_once_more_and_at_once(broker, monkeypatch):
    Publisher().put("voice.send_command", "1")
    eventually(lambda: broker.sent)
    tries, waits = [], []

    def miss() -> None:
        tries.append(1)
        raise ConnectionError("it was closed")

    monkeypatch.setattr(functional, "sleep", waits.append)  # kombu's, which publishes by what Celery makes of it
    policy = celery.conf.task_publish_retry_policy | broker.options["retry_policy"]
    with pytest.raises(ConnectionError):
        functional.retry_over_time(miss, ConnectionError, **policy)
    assert (len(tries), sum(waits)) == (2, 0)


def test_a_wake_up_that_no_worker_takes_does_not_stay_for_ever(broker):
    Publisher().put("voice.send_command", "1")
    eventually(lambda: broker.sent)
    assert 10 <= broker.options["expires"] <= 300  # seconds: the sweep found the work long before


def test_under_load_one_message_carries_a_few_events_and_one_command(broker):
    publisher = Publisher()
    broker.hold.clear()
    publisher.put("voice.process_event", "first")
    assert broker.reached.wait(60)  # the thread is at the broker with it, and the others come together
    for number in range(12):
        publisher.put("voice.process_event", str(number))
        publisher.put("voice.send_command", str(number))
    broker.hold.set()
    eventually(lambda: sum(len(ids) for _, ids in broker.sent) == 25)
    events = [ids for task, ids in broker.sent if task == "voice.process_event"]
    assert [one for ids in events for one in ids] == ["first", *map(str, range(12))]
    assert max(map(len, events)) == 5  # of ten wake-ups every other one is an event's
    assert [ids for task, ids in broker.sent if task == "voice.send_command"] == [[str(at)] for at in range(12)]


def test_a_dropped_message_counts_all_that_it_carried(broker):
    publisher = Publisher()
    broker.hold.clear()
    broker.fail = ConnectionError("no broker")
    for number in range(5):
        publisher.put("voice.process_event", str(number))
    broker.hold.set()
    eventually(lambda: publisher.dropped == 5)


def test_a_frozen_broker_blocks_nobody_and_a_full_queue_drops(broker):
    publisher = Publisher()
    publisher.pending = queue.Queue(10)
    broker.hold.clear()
    publisher.put("task", "first")
    assert broker.reached.wait(60)  # the thread is at the broker with it, and takes no other
    done = threading.Event()

    def hand_over() -> None:
        for number in range(50):
            publisher.put("task", str(number))
        done.set()

    threading.Thread(target=hand_over, daemon=True).start()
    assert done.wait(30), "handing over waited for the broker"
    assert publisher.dropped == 40  # ten lie in the queue
    broker.hold.set()
    eventually(lambda: len(broker.sent) == 11)  # none is left for the next test's broker


def test_a_dead_broker_costs_the_wakeup_and_not_the_thread(broker):
    publisher = Publisher()
    broker.fail = ConnectionError("no broker")
    publisher.put("task", "1")
    eventually(lambda: publisher.dropped == 1)
    broker.fail = None
    publisher.put("task", "2")
    eventually(lambda: broker.sent == [("task", ["2"])])


def test_after_a_fork_the_publisher_has_a_thread_again(broker):
    publisher = Publisher()
    publisher.put("task", "1")
    eventually(lambda: len(broker.sent) == 1)
    publisher._pid = -1  # as a forked child sees it: another process, and the thread did not come along
    publisher.put("task", "2")
    eventually(lambda: len(broker.sent) == 2)


def test_the_queue_is_bounded():
    assert 0 < Publisher().pending.maxsize <= 10_000


def test_what_is_woken_twice_is_one_message_with_one_id(broker):
    publisher = Publisher()
    broker.hold.clear()
    publisher.put("applications.pull_account", "first")
    assert broker.reached.wait(60)
    for number in ("1", "1", "2", "1"):
        publisher.put("applications.pull_account", number)
        publisher.put("voice.process_event", number)
    broker.hold.set()
    eventually(lambda: len(broker.sent) >= 4)
    assert broker.sent == [
        ("applications.pull_account", ["first"]),
        ("applications.pull_account", ["1"]),
        ("voice.process_event", ["1", "2"]),
        ("applications.pull_account", ["2"]),
    ]


def test_what_is_the_brokers_goes_there_though_this_hosts_worker_has_room(broker, settings):
    """Handlers of others run in Celery's processes, which can be killed."""
    settings.WAKE_UPS_BY_BROKER = {"voice.process_event"}
    inbox, publisher = Inbox(), Publisher()
    publisher.put("voice.process_event", "1")
    publisher.put("voice.send_command", "2")
    assert inbox.receive() == ("voice.send_command", "2")
    eventually(lambda: broker.sent == [("voice.process_event", ["1"])])
    inbox.close()


def test_a_task_without_an_id_is_published_without_one_by_a_thread_that_keeps_no_process_alive(broker, monkeypatch):
    publisher = Publisher()
    monkeypatch.setattr(wakeups, "publisher", publisher)
    wake_task("portal.heartbeat")
    eventually(lambda: broker.sent)
    assert broker.sent == [("portal.heartbeat", [])]
    assert (broker.options["retry"], broker.options["ignore_result"]) == (True, True)
    assert publisher._thread.daemon


# --- What is dropped is counted ---------------------------------------------------------------------------------------


def test_all_processes_of_a_host_count_together_and_the_count_outlives_them(broker, settings):
    settings.HAS_BROKER = True
    broker.fail = ConnectionError("no broker")
    for publisher in (Publisher(), Publisher()):  # two web processes
        publisher.put("voice.send_command", "1")
        eventually(lambda publisher=publisher: publisher.dropped == 1)
    assert dropped() == {"sender": 2, "worker": 0}
    broker.fail = None
    Publisher().put("voice.send_command", "2")
    eventually(lambda: broker.sent)
    assert dropped() == {"sender": 2, "worker": 0}


def test_of_a_burst_that_a_busy_worker_does_not_take_each_wake_up_is_taken_later_or_counted(broker, settings):
    """Forty at once to a worker that gets no processor, without a broker behind it."""
    settings.HAS_BROKER = False
    inbox, publisher = Inbox(), Publisher()
    for number in range(40):
        publisher.put("voice.send_command", str(number))
    eventually(lambda: broker.sent)  # one has waited a second for room
    waiting = 0
    deadline = time.monotonic() + 60
    while waiting + dropped()["sender"] < 40 and time.monotonic() < deadline:
        waiting += inbox.receive() is not None
    inbox.close()
    assert waiting + dropped()["sender"] == 40
    assert dropped()["sender"] == sum(len(ids) for _, ids in broker.sent) > 0


def test_where_it_cannot_be_written_nobody_is_held_up(settings, folder):
    settings.VAR_DIR = folder / "away"
    count_dropped("sender")
    assert dropped() == {"sender": 0, "worker": 0}


def test_what_was_dropped_is_counted_one_by_one_for_the_portals_user_alone(folder):
    count_dropped("sender")
    count_dropped("sender", 3)
    assert dropped() == {"sender": 4, "worker": 0}
    assert (folder / "wakeups-dropped.sender").stat().st_mode & 0o777 == 0o600
