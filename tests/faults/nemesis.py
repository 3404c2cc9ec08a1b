"""Breaks things at random, from a seed: the same seed breaks the same things in the same order."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable

from tests.faults.child import wait_until
from tests.faults.client import Client, Leg
from tests.faults.processes import Portal

# told by the first process of the run, which tells it, to those that run the tests
os.environ["FAULTS_SEED"] = os.environ.get("FAULTS_SEED") or str(random.SystemRandom().randrange(10**6))
SEED = int(os.environ["FAULTS_SEED"])
_ROLES = ("events", "commands", "sweep", "web", "beat")


class Nemesis:
    """One harm after another, until the time is over. ``done`` is what it did, for whoever reads a failure."""

    def __init__(self, portal: Portal, seed: int) -> None:
        self.portal, self.dice = portal, random.Random(seed)
        self.done: list[str] = []
        # by weight: kill -9 of processes is what happens most
        self._harms: list[tuple[Callable[[], str], int]] = [
            (self._kill_a_child, 6),
            (self._kill_a_role, 5),
            (self._freeze_a_role, 3),
            (self._break_the_broker, 3),
            (self._break_the_database, 1),
            (self._confuse_telnyx, 3),
        ]

    def rage(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        harms, weights = zip(*self._harms, strict=True)
        while time.monotonic() < until:
            (harm,) = self.dice.choices(harms, weights)
            self.done.append(harm())
            time.sleep(self.dice.uniform(0.2, 2))

    def _kill_a_child(self) -> str:
        role = self.dice.choice(("events", "commands", "web"))
        luck = self.dice.random()
        children = self.portal[role].children()
        if not children:
            return f"{role} has no child to kill"
        self.portal[role].tell(signal.SIGKILL, children[int(luck * len(children))])
        return f"killed a child of {role}"

    def _kill_a_role(self) -> str:
        role = self.dice.choice(_ROLES)
        pause = self.dice.uniform(0, 2)
        self.portal.kill(role)
        time.sleep(pause)
        self.portal.start(role)
        return f"killed {role} and started it after {pause:.1f} s"

    def _freeze_a_role(self) -> str:
        role, pause = self.dice.choice(_ROLES), self.dice.uniform(0.5, 4)
        self.portal.freeze(role)
        time.sleep(pause)
        self.portal.thaw(role)
        return f"froze {role} for {pause:.1f} s"

    def _break_the_broker(self) -> str:
        how, pause = self.dice.choice(("reset", "blackhole", "freeze", "wipe")), self.dice.uniform(0.5, 4)
        if how == "wipe":
            self.portal.broker.wipe()
        elif how == "freeze":
            self.portal.broker.freeze()
            time.sleep(pause)
            self.portal.broker.thaw()
        else:
            self.portal.broker_proxy.spoil(how)
            time.sleep(pause)
            self.portal.broker_proxy.heal()
        return f"broker: {how} for {pause:.1f} s"

    def _break_the_database(self) -> str:
        how = self.dice.choice(("crash", "reset"))
        if how == "crash":
            self.portal.postgres.crash()
            wait_until(self.portal.postgres.answers, "answer of the restarted database")
        else:
            self.portal.database_proxy.spoil("reset")
            time.sleep(0.5)
            self.portal.database_proxy.heal()
        return f"database: {how}"

    def _confuse_telnyx(self) -> str:
        fault, value = self.dice.choice(
            (("act_then_cut", None), ("act_then_status", 503), ("cut", None), ("status", 429), ("hang", 3))
        )
        times = self.dice.randint(1, 5)
        self.portal.telnyx.fault(fault, path="/calls/", times=times, value=value)
        return f"Telnyx: {fault} {times} times"


class Storm:
    """``with Storm(client, seed):`` whole calls arrive from ``threads``, now in order and now not, some events twice,
    and each again and again until it is acknowledged or given up, as Telnyx does."""

    def __init__(self, client: Client, seed: int, threads: int = 4, pause: float = 0.1) -> None:
        self.client, self.pause = client, pause
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(seed + at),), daemon=True) for at in range(threads)
        ]

    def __enter__(self) -> "Storm":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)

    def _run(self, dice: random.Random) -> None:
        while not self._stopping.is_set():
            events = self._leg(dice).life()
            if dice.random() < 0.3:
                dice.shuffle(events)
            if dice.random() < 0.5:
                events.append(dice.choice(events))
            for event in events:
                self._deliver(event)

    def _leg(self, dice: random.Random) -> Leg:
        if dice.random() < 0.7:
            try:
                return self.client.ring()
            except (OSError, AssertionError):  # a fault took the request, or the sandbox is busy
                pass
        return self.client.leg()

    def _deliver(self, event: object) -> None:
        for _ in range(3):
            if self.client.post(event).status == 200 or self._stopping.is_set():
                break
            self._stopping.wait(0.5)
        self._stopping.wait(self.pause)
