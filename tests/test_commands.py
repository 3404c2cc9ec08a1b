"""The commands of the docs run as they stand there, beside a portal of their own; what cannot is named with why."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.support.portal_processes import Portal

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"), pytest.mark.long]
DOCS = settings.BASE_DIR / "docs"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHELLS = {"", "console", "shell", "sh"}
_COMMAND = re.compile(r"\$ |\.venv/bin/|docker |install |cp |set -a|sudo |systemctl ")

# what is not run here, and why not
LEFT_OUT = {
    r"make ": "the targets are what CI calls",
    r"(\w+=\S+ )+make ": "the targets are what CI calls",
    r"createdb |docker |install |cp |set -a|sudo |systemctl ": "of a machine; tests/test_deploy.py reads them",
    r"pip install |telnyx-sandbox": "the package of the sandbox has a test of its own",
    r"\.venv/bin/(gunicorn|celery)|\S+ manage\.py (worker|sweep)": "goes on; tests/test_servers.py starts it",
    r"\S+ manage\.py restore /": "wants an empty database; tests of portal/backups",
    r"\S+ manage\.py migrate ": "the way back; tests of the upgrade",
    r"\S+ manage\.py texml apply ": "asks whoever sits there; tests/voice/management",
    r"SPEC=": "needs Telnyx's spec",
    r".*…": "is shortened",
}
# whose outcome is a refusal: it is what the page shows
REFUSED = ("voise", "RecordingChannels", "PORT=eighty", "texml_lint", "manage.py doctor")

FILES = {
    "menu.xml": "<Response>\n <Gather\n  numdigits='1'><Say>Press 1.</Say></Gather>\n</Response>\n",
    "sales.xml": "<Response><Hangup/></Response>\n",
    "cases.jsonl": '{"id": "p04", "events": []}\n',
}


def commands() -> dict[str, list[str]]:
    """By page the commands that a person pastes: whole, with the lines that continue them."""
    found: dict[str, list[str]] = {}
    for page in sorted(DOCS.glob("*.md")):
        whole = [
            one for shell, block in _BLOCK.findall(page.read_text()) if shell in _SHELLS for one in _of_block(block)
        ]
        if whole:
            found[page.name] = whole
    return found


def _of_block(block: str) -> list[str]:
    found: list[str] = []
    is_open = False
    for line in block.splitlines():
        if is_open:
            found[-1] += f"\n{line}"
        elif _COMMAND.match(line):
            found.append(line.removeprefix("$ "))
        else:
            continue
        is_open = found[-1].endswith("\\") or found[-1].count("'") % 2 == 1
    return found


def why_left_out(command: str) -> str:
    return next((why for pattern, why in LEFT_OUT.items() if re.match(pattern, command)), "")


def test_what_is_left_out_is_there() -> None:
    every = [command for page in commands().values() for command in page]
    assert [pattern for pattern in LEFT_OUT if not any(re.match(pattern, one) for one in every)] == []
    assert [part for part in REFUSED if not any(part in one for one in every)] == []


class Shell:
    """A shell beside a portal, in which what a page can only give as an example is what it is there."""

    def __init__(self, portal: Portal, folder: Path) -> None:
        self.portal, self.folder = portal, folder
        for name, text in FILES.items():
            (folder / name).write_text(text)
        self.token = portal.run("manage.py", "create_token", "admin").strip()
        call_id = portal.run("manage.py", "sandbox_call", "answered").split()[-1]
        self.variables = {"TOKEN": self.token, "ID": call_id, "FOLDER": "documents"}
        application, flow = self.told("call-control-applications/"), self.told("flows/")
        here, sandbox = f"http://127.0.0.1:{portal.port}", f"127.0.0.1:{portal.sandbox_port}"
        self.examples = {
            r"\.venv/bin/python manage\.py": f"{sys.executable} {settings.BASE_DIR}/manage.py",
            r"http://127\.0\.0\.1:8000|https://portal\.example": here,
            r"127\.0\.0\.1:(8001|9000)": sandbox,
            r"\b1838\d{15}\b": str(application["id"]),
            r"\b8cb9f0fc-[\w-]+": str(flow["id"]),
            r"--account \w+": "--account sandbox",
            r'"account": "main"': '"account": "sandbox"',
            r"create_token ada": "create_token admin",
            r"\bFOLDER\b": "documents",
            r"/srv/backups/portal-[\d-]+": f"$(ls -d {folder}/backups/portal-*)",
            r"/srv/backups": f"{folder}/backups",
        }

    def told(self, path: str) -> Any:
        asked = urllib.request.Request(f"http://127.0.0.1:{self.portal.port}/api/v1/{path}")
        asked.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)["results"][0]

    def run(self, command: str) -> str:
        """Run it; what it said if it failed."""
        for pattern, here in self.examples.items():
            command = re.sub(pattern, lambda _, text=here: text, command)
        done = subprocess.run(
            ["bash", "-c", f'curl() {{ command curl -s --fail-with-body "$@"; }}\n{command}'],
            env=self.portal.environment | self.variables | {"HOME": os.environ.get("HOME", "/")},
            cwd=self.folder,
            input="yes\n",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return "" if done.returncode == 0 else f"{command}\n{done.stdout[-600:]}{done.stderr[-600:]}"


def test_the_commands_of_the_docs_run_as_pasted(tmp_path: Path, migrated: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "backups").mkdir()
    portal = Portal(tmp_path)
    portal.begin_with(migrated)
    wrong: list[str] = []
    with portal.started(sys.executable, "manage.py", "start"):
        shell = Shell(portal, tmp_path / "here")
        for page, listed in commands().items():
            for command in listed:
                if why_left_out(command):
                    continue
                said = shell.run(command)
                if bool(said) != any(part in command for part in REFUSED):
                    wrong.append(f"{page}: {said or command + ' was to be refused'}")
    assert wrong == [], "\n\n".join(wrong)
