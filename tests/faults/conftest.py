"""The servers of the session, a portal on each broker, and a fresh line for each test.

Servers and portals start once: a test breaks them and ``heal`` mends them. Where a binary is missing a test is skipped
by name, and fails if ``REQUIRE_SERVERS`` is set.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults import servers
from tests.faults.checker import violations
from tests.faults.child import wait_until
from tests.faults.client import Client
from tests.faults.evidence import Evidence, make_older, owed_ids, settle
from tests.faults.nemesis import SEED
from tests.faults.processes import Portal, Telnyx, Template
from tests.faults.proxy import Proxy
from tests.faults.servers import Postgres, RabbitMQ, Redis

LONG = os.environ.get("FAULTS") == "long"


def thorough(*values: Any) -> Any:
    """A case of ``parametrize`` that only ``FAULTS=long`` runs: others show the same more quickly."""
    return pytest.param(*values, marks=pytest.mark.skipif(not LONG, reason="only with FAULTS=long"))


@dataclass
class World:
    """What one test works with: a healthy portal, a client of a line that nobody used before."""

    portal: Portal
    client: Client
    proxies: list[Proxy] = field(default_factory=list)

    def telnyx_proxy(self) -> Proxy:
        """From now on, the line's requests to Telnyx pass this one."""
        proxy = Proxy(self.portal.telnyx.port)
        self.proxies.append(proxy)
        self.portal.point_at(self.client.line, proxy.port)
        return proxy

    def another_client(self) -> Client:
        """A client of a line of its own: another account."""
        return Client(self.portal, self.portal.next_line())

    def until_struck(self, left: int = 0) -> None:
        """Wait until all but so many armed failpoints have struck.

        Wake-ups are said again meanwhile: with the sweep frozen, one that met a broken connection would be missed.
        """

        def struck() -> bool:
            if self.portal.armed() > left:
                for task, ids in owed_ids(self.portal, self.client.line).items():
                    self.portal.wake(task, ids)
            return self.portal.armed() <= left

        wait_until(struck, "failpoint that struck", pause=1)

    def leases_run_out(self, seconds: float = 31) -> None:
        """As if so long had passed for what is unfinished on this line: a lease of a dead process is not waited for.

        With ``FAULTS=long`` the time passes by itself.
        """
        if not LONG:
            make_older(self.portal, self.client.line, seconds)

    def settled(self, *more: Client, seconds: float = 300) -> Evidence:
        """Wait until nothing is owed, and see that every invariant holds."""
        evidence = settle(self.portal, self.client, *more, seconds=seconds)
        assert violations(evidence) == []
        return evidence


class Machine:
    """Everything that runs for the session; each part starts when it is first asked for."""

    def __init__(self) -> None:
        self.postgres, self.telnyx = Postgres(), Telnyx()
        self.brokers: dict[str, RabbitMQ | Redis] = {"rabbitmq": RabbitMQ(), "redis": Redis()}
        self.portals: dict[str, Portal] = {}

    def start(self) -> None:
        """All servers at once."""
        with ThreadPoolExecutor() as pool:
            servers = (self.postgres, *self.brokers.values(), self.telnyx.child)
            for started in [pool.submit(one.start) for one in servers]:
                started.result()
        self.template = Template(self.postgres, self.telnyx)

    def portal(self, broker: str) -> Portal:
        if broker not in self.portals:
            portal = self.portals[broker] = Portal(self.postgres, self.brokers[broker], self.telnyx, self.template)
            # one beat is enough for the session; on Redis nothing is tested of it
            portal.start(*(role for role in portal.children if broker == "rabbitmq" or role != "beat"))
        return self.portals[broker]

    def close(self) -> None:
        for portal in self.portals.values():
            portal.close()
        for server in (self.telnyx, *self.brokers.values(), self.postgres):
            server.close()

    def logs(self) -> dict[str, str]:
        """The end of each log."""
        children = {server.name: server.child for server in (self.postgres, *self.brokers.values())}
        for broker, portal in self.portals.items():
            children |= {f"{role} on {broker}": child for role, child in portal.children.items()}
        children |= {"sandbox": self.telnyx.child}
        return {name: child.tail() for name, child in children.items()}


_machines: list[Machine] = []


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    if missing := servers.missing():
        reason = ", ".join(missing.values())
        if os.environ.get("REQUIRE_SERVERS"):
            pytest.fail(f"{reason}, and REQUIRE_SERVERS is set")
        pytest.skip(reason)
    made = Machine()
    _machines.append(made)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def world(machine: Machine) -> Iterator[World]:
    """A portal on RabbitMQ."""
    yield from _world(machine, "rabbitmq")


@pytest.fixture(params=["rabbitmq", "redis"])
def world_of_each_broker(machine: Machine, request: pytest.FixtureRequest) -> Iterator[World]:
    yield from _world(machine, request.param)


def _world(machine: Machine, broker: str) -> Iterator[World]:
    portal = machine.portal(broker)
    portal.heal()
    made = World(portal, Client(portal, portal.next_line()))
    yield made
    portal.heal()
    for proxy in made.proxies:
        proxy.close()


def pytest_report_header() -> str:
    return f"faults: FAULTS_SEED={SEED} repeats this run of the nemesis"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: object) -> Iterator[None]:
    """A failure shows what the processes said last."""
    report = yield
    if report.failed:  # type: ignore[attr-defined]
        for machine in _machines:
            report.sections += [(f"log of {name}", text) for name, text in machine.logs().items() if text]  # type: ignore[attr-defined]
    return report


@pytest.fixture
def long() -> bool:
    """Whether this is the form that takes its time: ``FAULTS=long``."""
    return LONG


@pytest.fixture
def amount() -> Callable[[int, int], int]:
    """How many: the first in the short form, the second with ``FAULTS=long``."""
    return lambda short, long: long if LONG else short
