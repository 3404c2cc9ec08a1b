"""Which module may import which: voice → applications → portal, and within an app from a room to rooms below it."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.floors import FLOORS
from tests.support.source_tree import APPS, Tree, is_door

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 400  # lines of a module, of a test as well
MOST = 11  # modules of a room
NOT_A_NOUN = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
# what lies in a package and is no room: Django finds these by their place
NO_ROOMS = ("*.management", "*.management.commands", "*.templatetags", "*.formats", "*.formats.en", "portal.sandbox")
SANDBOX_MAY_USE = {
    "portal.sandbox",
    "portal.json_types",
    "portal.signatures",
    "portal.payloads",
    "portal.telnyx.schemas",
    "portal.texml",
}
SANDBOX_MAY_NOT_USE = {"django", "rest_framework", "celery", "unfold", "telnyx"}


def floor(module: str) -> int | None:
    """Where ``module`` stands in ``FLOORS``; None for a package that holds rooms, and for what is named nowhere.

    Of a room within a room, the closest name counts.
    """
    fitting = [(len(name), at) for at, names in enumerate(FLOORS) for name in names if _matches(module, name)]
    return max(fitting)[1] if fitting else None


def _matches(module: str, name: str) -> bool:
    return fnmatch(module, name) or module == name.removesuffix(".*")


def homeless(tree: Tree) -> list[str]:
    """Modules that stand on no floor."""
    return [module for module in tree.paths if floor(module) is None and module not in {*APPS, "portal.sandbox"}]


def upward(tree: Tree) -> list[str]:
    """Imports of what stands higher: of another app, or of another room of the same."""
    return [
        f"{module} imports {name}"
        for module in tree.paths
        for name in tree.imports(module)
        if name.partition(".")[0] in APPS and _height(name) > _height(module)
    ]


def _height(module: str) -> tuple[int, int]:
    return APPS.index(module.partition(".")[0]), floor(module) or 0


def room(tree: Tree, module: str) -> str | None:
    """The package that ``module`` lies in, if that is a room."""
    package = module if tree.is_package(module) else module.rpartition(".")[0]
    is_one = "." in package and not any(fnmatch(package, name) for name in NO_ROOMS)
    return package if is_one else None


def past_a_door(tree: Tree) -> list[str]:
    """Imports of a module that its room's ``__all__`` does not name, from outside of that room.

    The doors of an app, which Django and Celery call, may name any module of its rooms.
    """
    doors = {app: max(at for at, names in enumerate(FLOORS) if names[0].split(".")[0] == app) for app in APPS}
    return [
        f"{module} imports {name}"
        for module in tree.paths
        for name in tree.imports(module)
        if name in tree.paths
        and (inside := room(tree, name)) is not None
        and not tree.is_package(name)
        and room(tree, module) != inside
        and not (module.split(".")[0] == name.split(".")[0] and floor(module) == doors[module.split(".")[0]])
        and name.rpartition(".")[2] not in tree.door(inside)
    ]


def busy_doors(tree: Tree) -> list[str]:
    """A room's ``__init__`` that does more than to name what lies in it; not that of models, which Django loads."""
    found = []
    for module in tree.paths:
        if not tree.is_package(module) or room(tree, module) is None or module == "voice.models":
            continue
        rest = [node for node in tree.parsed[module].body[1:] if not is_door(node)]
        there = {name.rpartition(".")[2] for name in tree.paths if name.rpartition(".")[0] == module}
        if rest or tree.door(module) - there:
            found.append(module)
    return found


def crowded(tree: Tree) -> list[str]:
    """Rooms with too many modules."""
    rooms: dict[str, int] = {}
    for module in tree.paths:
        if not tree.is_package(module) and (inside := room(tree, module)):
            rooms[inside] = rooms.get(inside, 0) + 1
    return [f"{name}: {count} modules" for name, count in rooms.items() if count > MOST]


def reaching_out_of_the_sandbox(tree: Tree) -> list[str]:
    """What the sandbox imports though it stands alone."""
    return [
        f"{module} imports {name}"
        for module in tree.paths
        if module.startswith("portal.sandbox")
        for name in tree.imports(module)
        if name.partition(".")[0] in SANDBOX_MAY_NOT_USE
        or (name.partition(".")[0] in APPS and not any(f"{name}.".startswith(f"{ours}.") for ours in SANDBOX_MAY_USE))
    ]


def importing_telnyx(tree: Tree) -> list[str]:
    return [module for module in tree.paths if any(name.split(".")[0] == "telnyx" for name in tree.imports(module))]


def hidden(tree: Tree) -> list[str]:
    """Imports inside a function or a class."""
    found = {
        f"{module}:{inner.lineno}"
        for module, parsed in tree.parsed.items()
        for node in ast.walk(parsed)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }
    return sorted(found)


def cycles(tree: Tree) -> list[list[str]]:
    """Groups of modules that import each other, found by Tarjan's algorithm."""
    graph = {module: {name for name in tree.imports(module) if name in tree.paths} for module in tree.paths}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for name in graph[module]:
            if name not in index:
                visit(name)
                low[module] = min(low[module], low[name])
            elif name in stack:
                low[module] = min(low[module], index[name])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                found.append(sorted(group))

    for module in graph:
        if module not in index:
            visit(module)
    return found


def too_long(tree: Tree) -> list[str]:
    lines = {module: len(path.read_text().splitlines()) for module, path in tree.paths.items()}
    return [f"{module}: {count} lines" for module, count in lines.items() if count > LONGEST]


def without_docstring(tree: Tree) -> list[str]:
    return [module for module, parsed in tree.parsed.items() if parsed.body and not ast.get_docstring(parsed)]


def badly_named(tree: Tree) -> list[str]:
    return [module for module in tree.paths if NOT_A_NOUN & set(module.split("."))]


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(ROOT)


def test_the_tree_is_read(tree):
    assert {"portal.models", "applications.models", "voice.models.calls"} <= set(tree.paths)
    assert "portal.telnyx.schemas" in tree.imports("portal.telnyx.client")


def test_imports_run_one_way(tree):
    assert upward(tree) == []


def test_every_module_stands_on_a_floor(tree):
    assert homeless(tree) == []
    assert [
        name for names in FLOORS for name in names if not any(_matches(module, name) for module in tree.paths)
    ] == []


def test_a_room_is_entered_by_its_door(tree):
    assert past_a_door(tree) == []


def test_a_door_only_names_what_is_there(tree):
    assert busy_doors(tree) == []


def test_no_room_is_crowded(tree):
    assert crowded(tree) == []


def test_the_sandbox_stands_alone(tree):
    assert reaching_out_of_the_sandbox(tree) == []


def test_only_the_sdk_door_imports_telnyx(tree):
    assert importing_telnyx(tree) == ["portal.telnyx.sdk"]


def test_no_import_is_hidden_in_a_function(tree):
    assert [place for place in hidden(tree) if not place.startswith("portal.telnyx.sdk:")] == []


def test_there_is_no_import_cycle(tree):
    assert cycles(tree) == []


def test_no_module_is_too_long(tree):
    assert too_long(tree) == []
    assert too_long(Tree(ROOT, ("tests", "benchmarks"))) == []


def test_every_module_says_what_it_is(tree):
    assert without_docstring(tree) == []


def test_modules_are_named_by_nouns(tree):
    assert badly_named(tree) == []


# --- The guards themselves: each sees what it is there for ----------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path) -> Iterator[object]:
    def make(**sources: str) -> Tree:
        for app in APPS:
            (tmp_path / app).mkdir(exist_ok=True)
            (tmp_path / app / "__init__.py").touch()
        for name, source in sources.items():
            path = tmp_path / f"{name.replace('__', '/').replace('/DOOR', '/__init__')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(source)
        return Tree(tmp_path)

    return make


@pytest.mark.parametrize(
    ("check", "sources"),
    [
        (upward, {"portal__a": "from voice import b", "voice__b": ""}),
        (upward, {"applications__a": "import voice.b as c", "voice__b": ""}),
        (upward, {"portal__rest__a": "from applications.models import Pull", "applications__models": ""}),
        (upward, {"portal__models": "from portal.rest import pages", "portal__rest__pages": ""}),
        (upward, {"portal__telnyx__client": "from portal.admin.site import x", "portal__admin__site": ""}),
        (upward, {"portal__models": "from . import celery", "portal__celery": ""}),
        (upward, {"voice__calls__a": "from voice.events import b", "voice__events__b": ""}),
        (upward, {"voice__catalogue__a": "import voice.tasks", "voice__tasks": ""}),
        (upward, {"voice__replay__a": "from ..alerts import b", "voice__alerts__b": ""}),
        (upward, {"voice__texml__a": "from voice.texml.admin import b", "voice__texml__admin__b": ""}),
        (homeless, {"voice__anywhere": ""}),
        (past_a_door, {"voice__events__a": "from voice.calls import b", "voice__calls__b": ""}),
        (past_a_door, {"voice__calls__a": "from portal.rest.b import x", "portal__rest__b": ""}),
        (past_a_door, {"voice__tasks": "from portal.rest.b import x", "portal__rest__b": ""}),
        (busy_doors, {"voice__calls__DOOR": '"""Calls."""\nfrom voice.calls import a', "voice__calls__a": ""}),
        (busy_doors, {"voice__calls__DOOR": '"""Calls."""\n__all__ = ["gone"]'}),
        (crowded, {f"voice__calls__m{at}": "" for at in range(MOST + 1)}),
        (reaching_out_of_the_sandbox, {"portal__sandbox__a": "from django.db import models"}),
        (reaching_out_of_the_sandbox, {"portal__sandbox__a": "from portal.models import x", "portal__models": ""}),
        (reaching_out_of_the_sandbox, {"portal__sandbox__a": "import voice"}),
        (importing_telnyx, {"voice__a": "from telnyx.types import x"}),
        (hidden, {"voice__a": "def f():\n    if x:\n        import os"}),
        (hidden, {"voice__a": "class A:\n    async def f(self):\n        from os import path"}),
        (
            cycles,
            {"voice__a": "from voice import b", "voice__b": "from voice.c import x", "voice__c": "import voice.a"},
        ),
        (cycles, {"voice__a": "from . import b", "voice__b": "from .a import x"}),
        (too_long, {"voice__a": "x = 1\n" * (LONGEST + 1)}),
        (without_docstring, {"voice__a": "x = 1"}),
        (badly_named, {"voice__utils": ""}),
    ],
)
def test_a_guard_sees_what_it_guards_against(made, check, sources):
    assert check(made()) == []
    assert len(check(made(**sources))) == 1
