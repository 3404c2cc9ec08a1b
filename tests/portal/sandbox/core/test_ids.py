"""Ids grow with time and fit into 64 bits, as Telnyx's do."""

from portal.sandbox.core.ids import new_id


def test_ids_grow_with_time_and_differ_within_it() -> None:
    now = 1_767_225_600.0
    ids = [int(new_id(now)) for _ in range(50)]
    assert len(set(ids)) > 40
    assert max(ids) < int(new_id(now + 0.001)) < 2**63
