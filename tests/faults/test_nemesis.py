"""Everything is broken at random under load, and afterwards every invariant holds.

``FAULTS_SECONDS=300 make test-faults`` rages so long, ``FAULTS_SEED=7`` repeats the run of that seed.
"""

import os
import time

import pytest

from tests.faults.nemesis import SEED, Nemesis, Storm
from tests.faults.world import LONG, World

SECONDS = float(os.environ.get("FAULTS_SECONDS") or (300 if LONG else 15))
_CALM = 12  # seconds until no sender can be in the midst of a request


@pytest.mark.row("F05", "F06")
def test_nothing_is_lost_or_done_twice_whatever_is_killed_when(world: World, request: pytest.FixtureRequest) -> None:
    nemesis = Nemesis(world.portal, SEED)
    try:
        with Storm(world.client, SEED):
            nemesis.rage(SECONDS)
            world.portal.heal()
        time.sleep(_CALM)
        world.leases_run_out()
        evidence = world.settled(seconds=600)
    finally:
        request.node.add_report_section("call", "nemesis", "\n".join(nemesis.done))
    assert len(world.client.answered(200)) > SECONDS / 2  # it was a storm
    assert {row["status"] for row in evidence.events} <= {"processed", "ignored"}
