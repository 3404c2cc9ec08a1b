"""What docs/quickstart shows runs: four small applications, and five calls that test one of them, in two languages."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from portal.sandbox.client import Client
from portal.sandbox.server.server import Sandbox
from tests.support.polling import eventually

ROOT = Path(__file__).resolve().parents[3]
SHOWN = ROOT / "docs" / "quickstart"
MOST = 20  # lines of an application
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed here")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Sandbox(tmp_path / "state.sqlite3", pace=0.05) as sandbox:
        yield Client(sandbox.base_url, "KEY-world-quick")


def surroundings(client: Client, port: int = 0) -> dict[str, str]:
    told = {"TELNYX_API_KEY": client.api_key, "TELNYX_BASE_URL": client.base_url, "PORT": str(port)}
    return os.environ | told | {"TELNYX_PUBLIC_KEY": client.public_key}


@contextmanager
def running(client: Client, name: str, kind: str) -> Iterator[None]:
    """The application, once it has made itself known to the sandbox and listens."""
    port = free_port()
    with_what = [NODE or ""] if name.endswith(".mjs") else [sys.executable]
    process = subprocess.Popen([*with_what, SHOWN / name], env=surroundings(client, port), cwd=SHOWN)
    try:
        assert client.ledger("requests", method="POST", path=f"/v2/{kind}", wait=60), "it did not make itself known"
        eventually(lambda: listens(port), "listening")
        yield
    finally:
        process.terminate()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("name", ["call_control.py", pytest.param("call_control.mjs", marks=needs_node)])
def test_a_menu_with_call_control(client: Client, name: str) -> None:
    with running(client, name, "call_control_applications"):
        call = client.ring({"after": "gathering", "press": "2"})
        assert client.wait("call.gather.ended", call)["digits"] == "2"
        client.wait("call.bridged", call)


@pytest.mark.parametrize("name", ["texml.py", pytest.param("texml.mjs", marks=needs_node)])
def test_a_menu_with_texml(client: Client, name: str) -> None:
    with running(client, name, "texml_applications"):
        call = client.ring({"after": "gathering", "press": "2"})
        assert client.wait("texml.gather", call)["Digits"] == "2"
        assert client.ledger("documents", call_control_id=call, wait=30)
        eventually(lambda: len(client.call(call)["legs"]) == 2, "the second leg")


@pytest.mark.parametrize("name", ["call_control.py", "texml.py", "call_control.mjs", "texml.mjs"])
def test_an_application_is_short(name: str) -> None:
    assert len([line for line in (SHOWN / name).read_text().splitlines() if line]) <= MOST


@pytest.mark.parametrize(
    ("name", "beginning", "end"), [("test_calls.py", "def test_", ""), ("calls.test.mjs", "test(", "});")]
)
def test_each_of_the_five_calls_is_five_lines_at_most(name: str, beginning: str, end: str) -> None:
    parts = f"\n{(SHOWN / name).read_text()}".split(f"\n{beginning}")[1:]
    assert len(parts) == 5
    for part in parts:
        assert len([line for line in part.splitlines()[1:] if line and line != end]) <= 5


@pytest.mark.long
def test_five_calls_in_python_with_the_fixture() -> None:
    line = [sys.executable, "-m", "pytest", "-q", "-p", "portal.sandbox.pytest_plugin", "-p", "no:django"]
    line += ["-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(SHOWN), str(SHOWN)]
    ran = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert "5 passed" in ran.stdout, ran.stdout + ran.stderr


@needs_node
def test_five_calls_in_node(client: Client) -> None:
    with running(client, "call_control.mjs", "call_control_applications"):
        line = [NODE or "", "--test", str(SHOWN / "calls.test.mjs")]
        ran = subprocess.run(line, env=surroundings(client), capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "# pass 5" in ran.stdout
