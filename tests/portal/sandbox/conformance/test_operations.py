"""Every operation of the SDK is served, and its answer is what the SDK describes."""

import pytest

from tests.portal.sandbox.conformance import judgement
from tests.portal.sandbox.conformance.catalogue import RESOURCES, operations
from tests.portal.sandbox.conformance.play import Play
from tests.portal.sandbox.conformance.world import World


@pytest.mark.long
def test_every_operation_is_there_and_answers_as_the_sdk_says(play: Play) -> None:
    assert play.asked > 2 * len(operations(tuple(one for one in RESOURCES if one != "texml")))
    judgement.compare("operations", play.deviations)


@pytest.mark.parametrize("resource", sorted(judgement.known("resources")))
def test_what_is_beside_calls_is_not_served(world: World, resource: str) -> None:
    """Who serves one of these takes it out of the list, and adds it to the resources that are judged."""
    assert world.http("GET", f"/v2/{resource}")[0] == 404
