"""What the pages must say, and what they say must be so.

Every setting, command, check and make target is written down; every path and module that a page names is there; every
link leads somewhere; the indexes name every page; the hooks before a commit call what ``make lint`` calls.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
APPS = ("portal", "applications", "voice")
READERS = {"setting", "from_file", "stop", "os.environ.get", "os.environ.setdefault", "os.getenv"}
_FENCED = re.compile(r"^(```+).*?^\1`*$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
# a path from the root of the repository, not the tail of an address; ``<room>`` and ``*`` stand for any one name
_PATH = re.compile(
    r"(?<![\w./{}<>*-])(?:portal|applications|voice|tests|benchmarks|templates|docs|\.ci)/(?:[\w./*-]|<[\w -]+>)*"
)
# a dotted name of three parts or more: those of two are permissions, checks and tasks as well
_MODULE = re.compile(r"(?<![\w./-])(?:portal|applications|voice|tests)(?:\.[A-Za-z_]\w*){2,}(?![\w(])")
_LINK = re.compile(r"\]\(([^()\s]+)\)|^\[[^\]]+\]:\s+(\S+)", re.MULTILINE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
_HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)


def variables() -> set[str]:
    """The environment variables the code reads: the first argument of each reading call, and keys of ``os.environ``."""
    found: set[str] = set()
    for name in ("settings", "environment", "keys"):
        for node in ast.walk(ast.parse((ROOT / "portal" / f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in READERS and node.args:
                found |= _constant(node.args[0])
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
                found |= _constant(node.slice)
    return {name for name in found if re.fullmatch(r"[A-Z][A-Z0-9_]+", name)}


def _constant(node: ast.expr) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def commands() -> set[str]:
    paths = ROOT.glob("*/management/commands/*.py")
    return {path.stem for path in paths if path.parts[-4] in APPS and path.stem[0] != "_"}


def checks() -> set[str]:
    sources = [path.read_text() for app in APPS for path in (ROOT / app).rglob("*.py")]
    return set(re.findall(r"""id=["']([a-z]+\.[EWI]\d{3})["']""", "\n".join(sources)))


def make_targets() -> set[str]:
    return {f"make {name}" for name in re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)}


def pages() -> str:
    return "\n".join(
        path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()
    )


def undocumented(names: set[str], text: str) -> list[str]:
    return sorted(name for name in names if not re.search(rf"(?<![\w.]){re.escape(name)}(?![\w-])", text))


@pytest.mark.parametrize("names", [variables, commands, checks, make_targets])
def test_it_is_documented(names):
    assert undocumented(names(), pages()) == []


def test_the_table_of_commands_names_each_of_them():
    table = (ROOT / "docs" / "settings.md").read_text().partition("\n## Management commands\n")[2]
    assert sorted(commands() - set(re.findall(r"^\| `(\w+)", table, re.MULTILINE))) == []


def test_the_names_are_really_found_in_the_code():
    assert {"SECRET_KEY", "PORTAL_ENCRYPTION_KEYS", "DATABASE_URL", "TELNYX_API_KEY", "PORTAL_VAR_DIR"} <= variables()
    assert {"start", "webhook_url", "create_token", "sandbox", "sweep"} <= commands()
    assert {"portal.E001", "portal.W002"} <= checks()
    commands_of_make = {"run", "test", "test-faults", "lint", "bench", "mutants", "pictures", "lock", "editor", "node"}
    assert make_targets() == {f"make {name}" for name in commands_of_make}


@pytest.mark.parametrize("text", ["", "PORTAL", "XPORT", "PORT_1", "import"])
def test_a_name_within_another_word_does_not_count(text):
    assert undocumented({"PORT"}, text) == ["PORT"]
    assert undocumented({"PORT"}, f"{text} `PORT` ") == []


# --- What the pages name ----------------------------------------------------------------------------------------------


def documents() -> list[Path]:
    """Every page: those beside the code and those of ``docs/``."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def code_of(text: str) -> str:
    """What stands in backticks: blocks and spans."""
    blocks = [block[0] for block in _FENCED.finditer(text)]
    return "\n".join([*blocks, *_SPAN.findall(_FENCED.sub("", text))])


def missing_paths(text: str, root: Path = ROOT) -> list[str]:
    """The paths that ``text`` names in backticks and that are not in the repository."""
    named = {found.rstrip(".") for found in _PATH.findall(code_of(text))}
    return sorted(path for path in named if not _is_there(path, root))


def _is_there(path: str, root: Path) -> bool:
    found = root.glob(re.sub(r"<[\w -]+>", "*", path).rstrip("/"))
    return any(one.is_dir() or not path.endswith("/") for one in found)


def missing_modules(text: str, root: Path = ROOT) -> list[str]:
    """The dotted names in backticks that are no module, and no name that a module has."""
    return sorted({name for name in _MODULE.findall(code_of(text)) if not _is_known(name.split("."), root)})


def _is_known(parts: list[str], root: Path) -> bool:
    for length in range(len(parts), 0, -1):
        path = root.joinpath(*parts[:length])
        source = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        if source.is_file():
            return length == len(parts) or bool(_defines(source.read_text(), parts[length]))
    return False


def _defines(source: str, name: str) -> object:
    return re.search(rf"^(class |def |from .* import .*\b)?{name}\b", source, re.MULTILINE)


def dead_links(page: Path, root: Path = ROOT) -> list[str]:
    """The relative links of ``page`` that lead to no file of the repository, or to no heading of a page."""
    text = page.read_text()
    prose = _SPAN.sub("", _FENCED.sub("", text))
    links = [first or second for first, second in _LINK.findall(prose)]
    return [link for link in links if not _SCHEME.match(link) and not _leads_somewhere(link, page, root)]


def _leads_somewhere(link: str, page: Path, root: Path) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / unquote(name)).resolve() if name else page
    if not target.exists() or not target.is_relative_to(root.resolve()):
        return False
    return not anchor or anchor in anchors(target.read_text())


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as hosting sites make them."""
    found: dict[str, int] = {}
    for heading in _HEADING.findall(_FENCED.sub("", text)):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        found[name] = found.get(name, -1) + 1
    return {f"{name}-{at}" if at else name for name, last in found.items() for at in range(last + 1)}


def unlisted(index: Path, pages: Iterable[Path]) -> list[str]:
    """Of ``pages`` those that ``index`` has no link to."""
    listed = {(index.parent / (first or second)).resolve() for first, second in _LINK.findall(index.read_text())}
    return sorted(page.name for page in pages if page.resolve() not in listed)


def records() -> list[Path]:
    return [path for path in sorted((ROOT / "docs" / "decisions").glob("*.md")) if path.name != "README.md"]


def hooks() -> list[dict[str, Any]]:
    told = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    return [hook | {"repo": repository["repo"]} for repository in told["repos"] for hook in repository["hooks"]]


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", documents(), ids=_named)
def test_every_path_that_a_page_names_is_there(page):
    assert missing_paths(page.read_text()) == []


@pytest.mark.parametrize("page", documents(), ids=_named)
def test_every_module_that_a_page_names_is_there(page):
    assert missing_modules(page.read_text()) == []


@pytest.mark.parametrize("page", documents(), ids=_named)
def test_every_link_of_a_page_leads_somewhere(page):
    assert dead_links(page) == []


def test_the_index_of_the_docs_names_every_page():
    index = ROOT / "docs" / "README.md"
    pages = [page for page in (ROOT / "docs").glob("*.md") if page != index]
    assert unlisted(index, [*pages, ROOT / "docs" / "decisions" / "README.md"]) == []


def test_the_index_of_the_decisions_names_every_record():
    assert unlisted(ROOT / "docs" / "decisions" / "README.md", records()) == []


def test_the_records_are_numbered_without_a_gap_and_alike_in_form():
    assert records()
    assert [path.name[:5] for path in records()] == [f"{at:04}-" for at in range(1, len(records()) + 1)]
    for path in records():
        headings = _HEADING.findall(path.read_text())
        assert headings[0].startswith(f"{int(path.name[:4])}. "), path.name
        assert headings[1:] == ["Context", "Decision", "Consequences", "Where it lives"], path.name


def test_the_hooks_call_what_make_lint_calls_and_fetch_nothing():
    lint = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    called = [
        hook["entry"].replace(".venv/bin/", "$(BIN)/").split(" ") for hook in hooks() if hook["language"] == "system"
    ]
    assert {hook["repo"] for hook in hooks()} == {"local"}
    assert {hook["language"] for hook in hooks()} == {"system", "pygrep"}
    assert len(called) == 4
    for words in called:
        tool = words[:3] if words[1] == "-m" else words[:2]
        assert " ".join(tool) in lint


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE" + " KEY-----",
        "-----BEGIN OPENSSH PRIVATE" + " KEY-----",
        "TELNYX_API_KEY=KEY" + "0123456789ABCDEF" * 2 + "_" + "aB3" * 7 + "x",
    ],
)
def test_a_private_key_is_noticed_before_it_is_committed(text):
    patterns = [hook["entry"] for hook in hooks() if hook["language"] == "pygrep"]
    assert any(re.search(pattern, text) for pattern in patterns)
    assert not any(re.search(pattern, (ROOT / ".pre-commit-config.yaml").read_text()) for pattern in patterns)


# --- The checks of the pages themselves: each sees what it is there for ----------------------------------------------


@pytest.fixture
def small(tmp_path):
    """A repository of one module, one test and one page."""
    for name, text in {
        "voice/__init__.py": "",
        "voice/calls/__init__.py": "",
        "voice/calls/search.py": "LIMIT = 1\n\n\ndef number():\n    pass\n",
        "tests/voice/test_search.py": "",
        "docs/page.md": "# A page\n\n## What it says, and `why`\n\n## Twice\n\n## Twice\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`voice/calls/search.py`, `voice/calls/`, `tests/voice/test_search.py`", []),
        ("`voice/calls/lost.py`", ["voice/calls/lost.py"]),
        ("`make test ARGS=tests/voice/test_lost.py`", ["tests/voice/test_lost.py"]),
        ("```console\n$ cat voice/lost.py\n```\n", ["voice/lost.py"]),
        ("`voice/calls/search.py/`", ["voice/calls/search.py/"]),
        ("`voice/<room>/search.py` and `tests/*/test_search.py`", []),
        ("`voice/<room>/admin.py`", ["voice/<room>/admin.py"]),
        ("voice/prose.py, `/admin/voice/lost/`, `call-control-applications/1/`, `https://host/voice/lost.py`", []),
    ],
)
def test_a_path_that_is_not_there_is_seen(small, text, missing):
    assert missing_paths(text, small) == missing


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`voice.calls.search`, `voice.calls.search.number`, `voice.calls.search.LIMIT`", []),
        ("`voice.view_call`, `portal.E001`, `portal.thing.call(1)`, voice.calls.lost", []),
        ("`voice.calls.lost`", ["voice.calls.lost"]),
        ("`voice.calls.search.lost`", ["voice.calls.search.lost"]),
        ("```shell\ngunicorn -k voice.lost.Worker\n```", ["voice.lost.Worker"]),
    ],
)
def test_a_module_that_is_not_there_is_seen(small, text, missing):
    assert missing_modules(text, small) == missing


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[a](page.md), [b](../voice/calls/search.py), [c](https://host/none.md), [d](#own)\n# Own", []),
        ("[a](page.md#what-it-says-and-why), [b](page.md#twice-1)", []),
        ("[a](lost.md)", ["lost.md"]),
        ("![a](images/lost.png)", ["images/lost.png"]),
        ("[a](page.md#lost)", ["page.md#lost"]),
        ("[a](#lost)", ["#lost"]),
        ("[a](../../outside.md)", ["../../outside.md"]),
        ("[a]: lost.md", ["lost.md"]),
        ("`[a](lost.md)`", []),
    ],
)
def test_a_link_that_leads_nowhere_is_seen(small, text, dead):
    (small.parent / "outside.md").touch()
    page = small / "docs" / "other.md"
    page.write_text(text)
    assert dead_links(page, small) == dead


def test_a_page_that_the_index_does_not_name_is_seen(small):
    index = small / "docs" / "README.md"
    index.write_text("[a](page.md)")
    (small / "docs" / "lost.md").touch()
    assert unlisted(index, (small / "docs").glob("[lp]*.md")) == ["lost.md"]
