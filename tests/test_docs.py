"""Every setting, command, check and make target is written down where people look for it."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READERS = {"setting", "from_file", "stop", "os.environ.get", "os.environ.setdefault", "os.getenv"}


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
    return {
        path.stem for path in paths if path.parts[-4] in {"portal", "applications", "voice"} and path.stem[0] != "_"
    }


def checks() -> set[str]:
    sources = [path.read_text() for app in ("portal", "applications", "voice") for path in (ROOT / app).rglob("*.py")]
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


def test_the_names_are_really_found_in_the_code():
    assert {"SECRET_KEY", "PORTAL_ENCRYPTION_KEYS", "DATABASE_URL", "TELNYX_API_KEY", "PORTAL_VAR_DIR"} <= variables()
    assert {"start", "webhook_url", "create_token", "sandbox", "sweep"} <= commands()
    assert {"portal.E001", "portal.W002"} <= checks()
    assert make_targets() == {"make run", "make test", "make test-faults", "make lint", "make bench", "make lock"}


@pytest.mark.parametrize("text", ["", "PORTAL", "XPORT", "PORT_1", "import"])
def test_a_name_within_another_word_does_not_count(text):
    assert undocumented({"PORT"}, text) == ["PORT"]
    assert undocumented({"PORT"}, f"{text} `PORT` ") == []
