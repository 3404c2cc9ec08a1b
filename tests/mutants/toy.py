"""What the tests of this room change: one thing of it is looked at, another one is not."""

from collections.abc import Callable

GROWN_UP = frozenset({"grown-up", "adult"})


def may_dial(age: int, *, is_known: bool) -> bool:
    """Tell whether somebody may."""
    return age >= 18 and is_known


def may_enter(word: str) -> bool:
    return word.lower() in GROWN_UP


def _older_than(age: int) -> Callable[[int], bool]:
    def rule(asked: int) -> bool:
        return asked > age

    return rule


may_vote = _older_than(17)
