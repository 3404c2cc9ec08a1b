"""The tests of ``toy``: pytest runs them only when it is told to."""

from tests.mutants.toy import may_dial, may_enter, may_vote


def test_a_child_may_not():
    assert not may_dial(17, is_known=True)
    assert may_dial(18, is_known=True)


def test_who_is_grown_up_may():
    assert may_enter("adult")


def test_who_is_as_old_as_that_may_not_vote():
    assert not may_vote(17)
