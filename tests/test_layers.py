"""Which module may import which: voice → applications → portal, and what else the architecture promises of imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("portal", "applications", "voice")  # bottom up
LONGEST = 400
NOT_A_NOUN = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
# Inside the core, bottom up; what is not named here stands above all of these.
CORE = [
    {"errors", "payloads", "signatures", "encryption", "keys", "actors", "times", "phone_numbers", "refusals"},
    {"sdk", "sdk_types"},
    {"schemas"},
    {"saved_filters"},
    {"models"},
    {"client"},
    {"rest"},
]
SANDBOX_MAY_USE = {"portal.sandbox", "portal.signatures", "portal.payloads", "portal.telnyx.schemas"}
SANDBOX_MAY_NOT_USE = {"django", "rest_framework", "celery", "unfold", "telnyx"}


class Tree:
    """The modules below ``root`` by dotted name, parsed, migrations left out."""

    def __init__(self, root: Path) -> None:
        self.paths = {
            self._name(path.relative_to(root)): path
            for app in APPS
            for path in sorted((root / app).rglob("*.py"))
            if "migrations" not in path.parts
        }
        self.parsed = {name: ast.parse(path.read_text()) for name, path in self.paths.items()}

    @staticmethod
    def _name(path: Path) -> str:
        return ".".join(path.with_suffix("").parts).removesuffix(".__init__")

    def imports(self, module: str) -> set[str]:
        """Every dotted name that ``module`` imports; of our own, the module that is really meant."""
        found: set[str] = set()
        for node in ast.walk(self.parsed[module]):
            if isinstance(node, ast.Import):
                found |= {self._ours(alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self._base(module, node)
                found |= {self._ours(f"{base}.{alias.name}") for alias in node.names}
        return found - {module}

    def _base(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = module if self.paths[module].name == "__init__.py" else module.rpartition(".")[0]
        above = package.split(".")[: len(package.split(".")) - node.level + 1]
        return ".".join([*above, *([node.module] if node.module else [])])

    def _ours(self, name: str) -> str:
        """``portal.models.ApiToken`` → ``portal.models``; what is not ours stays as it is."""
        while name.partition(".")[0] in APPS and name not in self.paths:
            name = name.rpartition(".")[0]
        return name


def upward(tree: Tree) -> list[str]:
    """Imports against the direction of the apps."""
    rank = {app: at for at, app in enumerate(APPS)}
    return [
        f"{module} imports {name}"
        for module in tree.paths
        for name in tree.imports(module)
        if rank.get(name.partition(".")[0], -1) > rank[module.partition(".")[0]]
    ]


def upward_in_core(tree: Tree) -> list[str]:
    """Imports against the order inside ``portal``."""
    return [
        f"{module} imports {name}"
        for module in tree.paths
        for name in tree.imports(module)
        if module.startswith("portal.") and name.startswith("portal.") and _rank(name) > _rank(module)
    ]


def _rank(module: str) -> int:
    room = module.split(".")[1]
    return next((at for at, rooms in enumerate(CORE) if room in rooms), len(CORE))


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


def test_the_core_is_ordered(tree):
    assert upward_in_core(tree) == []


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
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return Tree(tmp_path)

    return make


@pytest.mark.parametrize(
    ("check", "sources"),
    [
        (upward, {"portal__a": "from voice import b", "voice__b": ""}),
        (upward, {"applications__a": "import voice.b as c", "voice__b": ""}),
        (upward, {"portal__rest__a": "from applications.models import Pull", "applications__models": ""}),
        (upward_in_core, {"portal__errors": "from portal import models", "portal__models": ""}),
        (upward_in_core, {"portal__schemas": "from portal.admin.site import x", "portal__site": ""}),
        (upward_in_core, {"portal__models": "from . import client", "portal__client": ""}),
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
