"""What is changed in a module, and what is left alone."""

import ast
from textwrap import dedent

import pytest

from tests.mutants.changes import changes, scope_at


def told(source: str, **how: bool) -> set[tuple[str, str]]:
    """Each change as its kind and the line as it is now."""
    tree = ast.parse(dedent(source))
    return {(change.kind, change.told(tree)[1]) for change in changes(tree, **how)}


@pytest.mark.parametrize(
    ("source", "kind", "now"),
    [
        ("x = a == b", "comparison", "x = a != b"),
        ("x = a < b", "comparison", "x = a <= b"),
        ("x = a < b", "comparison", "x = a >= b"),
        ("x = a in b", "comparison", "x = a not in b"),
        ("x = a and b", "and/or", "x = a or b"),
        ("x = a and b", "operand dropped", "x = b"),
        ("x = not a", "not dropped", "x = a"),
        ("x = ~a", "not dropped", "x = a"),
        ("if a: b()", "negated", "if not a:"),
        ("x = [a for a in b if a]", "condition dropped", "x = [a for a in b]"),
        ("x = a + b", "operator", "x = a - b"),
        ("x = Q(a=1) | Q(b=1)", "operator", "x = Q(a=1) & Q(b=1)"),
        ("x = 1", "constant", "x = 2"),
        ("x = 30", "constant", "x = 60"),
        ("x = True", "constant", "x = False"),
        ("x = rows.get(pk=a, account=b)", "keyword dropped", "x = rows.get(pk=a)"),
        ("x = text.lower()", "method dropped", "x = text"),
        ("x = rows.filter(a=b)", "method dropped", "x = rows"),
        ("x = rows().last(5)", "method dropped", "x = rows()"),
        ("x = f(a, b)", "arguments swapped", "x = f(b, a)"),
        ("x = min(a, b)", "opposite", "x = max(a, b)"),
        ("x = {a, b}", "element dropped", "x = {b}"),
        ("x = (a, b)", "element dropped", "x = (a,)"),
        ("x = {a: b, **c}", "element dropped", "x = {**c}"),
        ("a.b = c", "statement dropped", "pass"),
        ("a(b)", "statement dropped", "pass"),
        ("def f() -> bool:\n  return a", "negated", "return not a"),
        ("def f() -> int | None:\n  return a", "returns nothing", "return None"),
        ("try: a\nexcept (B, C): d", "element dropped", "except (C,):"),
        ("try: a\nexcept B: d", "error not caught", "raise"),
    ],
)
def test_one_thing_is_another(source: str, kind: str, now: str) -> None:
    assert (kind, now) in told(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""What it is for."""',
        "from a import b",
        "__all__ = ['a', 'b']",
        "x: dict[str, int]",
        "def f(a: dict[str, int]) -> tuple[int, str]: ...",
        "_log.warning('refused', limit=1)",
        "x = f'{a + 1}'",
        "x = ['Say what is wrong.']",
        "x = {'call.answered': EventType('Answered')}",
        "help_text = 1",
        "if TYPE_CHECKING: a()",
        "x = module.function(a)",
        "x = rows().select_related()",
        "def f() -> int:\n  return a",
    ],
)
def test_words_and_types_are_left_alone(source: str) -> None:
    assert told(source) == set()


def test_what_a_page_looks_like_is_left_alone_and_what_it_does_is_not() -> None:
    page = """
        class Page:
            columns = ("a", "b")

            def may(self) -> bool:
                return self.is_open
    """
    assert {kind for kind, _ in told(page)} == {"element dropped", "negated"}
    assert {kind for kind, _ in told(page, with_classes=False)} == {"negated"}


def test_each_change_knows_its_function_and_its_lines() -> None:
    source = """
        @cache(1)
        def f(a=2):
            def inner():
                return g(
                    b=3)
        class C:
            x = 4
            def m(self):
                return [5]
    """
    tree = ast.parse(dedent(source))
    found = {change.told(tree)[0]: change for change in changes(tree) if change.kind in {"constant", "keyword dropped"}}
    assert {(change.scope, change.first, change.line) for change in found.values()} == {
        (None, 3, 2),
        (None, 3, 3),
        (("f", 2), 5, 6),
        (None, 8, 8),
        (("C.m", 9), 10, 10),
    }
    assert [scope_at(tree, line) for line in (2, 3, 5, 6, 8, 9, 10)] == [
        *(None, None, ("f", 2), ("f", 2)),
        *(None, None, ("C.m", 9)),
    ]


def test_a_change_leaves_the_module_as_it_is() -> None:
    tree = ast.parse("x = a == b")
    before = ast.dump(tree)
    for change in changes(tree):
        assert ast.dump(change.applied(tree)) != before
    assert ast.dump(tree) == before
