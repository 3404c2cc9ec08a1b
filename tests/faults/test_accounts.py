"""Two accounts side by side: what one is told touches nothing of the other."""

from tests.faults.scenarios import tell_one_account_of_anothers_call
from tests.faults.world import World


def test_what_one_account_is_told_touches_no_call_of_another(world: World) -> None:
    tell_one_account_of_anothers_call(world)
