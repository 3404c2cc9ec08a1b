"""The sandbox runs alone: without Django, where and under the names that it is told, with a key that was given."""

import base64
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from portal.sandbox.client import Client, Refused
from tests.support.webhook_receiver import Receiver

# whatever of the portal's own is imported, stops the start
ALONE = """
import runpy, sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in "django celery rest_framework unfold structlog whitenoise yaml environ".split():
            raise ImportError(name + " is not there")
sys.meta_path.insert(0, Wall())
sys.argv = ["telnyx-sandbox", *sys.argv[1:]]
runpy.run_module("portal.sandbox", run_name="__main__")
"""
KEY = base64.b64encode(bytes(range(32))).decode()


@contextmanager
def alone(*options: str) -> Iterator[dict[str, str]]:
    """What it says when it is up, by the first words of each line."""
    line = [sys.executable, "-c", ALONE, "--port", "0", *options]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        serves, key, page = (process.stdout.readline().strip() for _ in range(3))
        try:
            yield {"url": serves.split()[3], "key": key.removeprefix("Public key: "), "page": page.split()[1]}
        finally:
            process.terminate()
        assert process.wait(60) == 0, process.stderr and process.stderr.read()


@pytest.mark.long
def test_it_runs_without_django_and_forgets_everything_at_its_end(tmp_path: Path) -> None:
    body = {"application_name": "a", "webhook_event_url": "http://127.0.0.1:9/"}
    with alone("--seed", "7", "--pace", "0.02") as told:
        client = Client(told["url"], "KEY")
        assert client.public_key == told["key"]
        client.ask("POST", "/v2/call_control_applications", body)
        with urllib.request.urlopen(told["page"]) as page:
            assert page.headers["Content-Type"].startswith("text/html")
        first = client.ask("GET", "/v2/phone_numbers")["data"][0]
    with alone("--seed", "7") as again:
        assert again["key"] == told["key"]
        assert Client(again["url"], "KEY").ask("GET", "/v2/call_control_applications")["data"] == []
        assert first["phone_number"].startswith("+1312555")


@pytest.mark.long
def test_it_is_asked_under_the_names_that_were_allowed(tmp_path: Path) -> None:
    options = ["--host", "0.0.0.0", "--allowed-host", "sandbox", "--key", KEY, "--data", str(tmp_path)]
    with alone(*options) as told:
        port = int(told["url"].split(":")[2].partition("/")[0])
        for host, status in ((f"sandbox:{port}", 200), ("127.0.0.1", 200), ("evil.example", 403)):
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/sandbox/ready", headers={"Host": host})
            assert connection.getresponse().status == status
            connection.close()
        assert told["key"] == "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
        with pytest.raises(Refused, match="could not be found"):
            Client(told["url"], "KEY").ask("GET", "/v2/calls/v3:none")
    assert (tmp_path / "sandbox.sqlite3").exists()


@pytest.mark.long
def test_calls_go_on_after_it_was_killed(tmp_path: Path) -> None:
    """What was to be done, and what was to be told, is on disk."""
    with Receiver() as receiver:
        line = [sys.executable, "-c", ALONE, "--port", "0", "--data", str(tmp_path)]
        with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            client = Client(process.stdout.readline().split()[3], "KEY-world-w")
            body = {"application_name": "a", "webhook_event_url": receiver.url, "webhook_api_version": "2"}
            client.ask("POST", "/v2/call_control_applications", body)
            client.pause()
            call = client.ring({"at": 5, "hangup": True}, **{"from": "+13125550199"})
            client.fault("status", path="/calls", times=3)
            assert client.wait("call.initiated", call)["from"] == "+13125550199"
            process.kill()
        with alone("--data", str(tmp_path)) as told:
            client = Client(told["url"], "KEY-world-w")
            assert client.ask("GET", "/sandbox/faults")["faults"][0]["times"] == 3
            client.advance(5)
            assert client.wait("call.hangup", call)["hangup_cause"] == "originator_cancel"
        assert receiver.types(call) == ["call.initiated", "call.hangup"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--pace", "0"], "greater than 0"),
        (["--pace", "fast"], "greater than 0"),
        (["--key", "x"], "base64 of 32 bytes"),
        (["--host", "no.such.host.invalid"], "cannot serve"),
    ],
)
def test_an_option_that_makes_no_sense_is_said(options: list[str], words: str) -> None:
    line = [sys.executable, "-m", "portal.sandbox", *options]
    ran = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode != 0
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("more", [[], ["--seed", "7"]])
def test_a_folder_that_cannot_be_is_not_taken_for_a_port(tmp_path: Path, more: list[str]) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    line = [sys.executable, "-m", "portal.sandbox", "--port", "0", "--data", str(folder), *more]
    ran = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"The sandbox cannot keep its state in {folder}: ")
    assert len(ran.stderr.splitlines()) == 1
