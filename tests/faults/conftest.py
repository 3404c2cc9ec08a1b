"""The servers of the session, a portal on each broker, and a fresh line for each test.

Servers and portals start once: a test breaks them and ``heal`` mends them. Where a binary is missing a test is skipped
by name, and fails if ``REQUIRE_SERVERS`` is set.
"""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.faults import servers
from tests.faults.client import Client
from tests.faults.machine import Machine
from tests.faults.nemesis import SEED
from tests.faults.world import LONG, World

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
