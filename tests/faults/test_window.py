"""The 50 seconds within which Telnyx surely recognises a repeat."""

import pytest

from tests.faults.scenarios import leave_a_command_unanswered_for_fifty_seconds
from tests.faults.world import World


@pytest.mark.row("F22")
def test_what_still_makes_sense_is_not_sent_again_after_fifty_seconds(world: World) -> None:
    leave_a_command_unanswered_for_fifty_seconds(world)
