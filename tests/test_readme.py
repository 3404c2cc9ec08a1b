"""The tour of the README runs as it stands there, pasted into a shell, beside a portal on whatever ports."""

import json
import re
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
from django.conf import settings

from tests.support.polling import eventually
from tests.support.portal_processes import Portal

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ANY_FAILURE = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@"; }\n'
pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"), pytest.mark.long]


def pasted() -> str:
    """The lines of the tour that a person pastes: each after its ``$``, with those that continue it."""
    text = (settings.BASE_DIR / "README.md").read_text()
    tour = text[text.index("## Five minutes") : text.index("## What it promises")]
    lines, goes_on = [], False
    for line in "\n".join(_BLOCK.findall(tour)).splitlines():
        if line.startswith("$ ") or goes_on:
            lines.append(line.removeprefix("$ "))
            goes_on = line.endswith("\\")
    return "\n".join(lines)


def test_the_tour_runs_as_pasted(tmp_path: Any, migrated: Any) -> None:
    portal = Portal(tmp_path)
    portal.begin_with(migrated)
    with portal.started(sys.executable, "manage.py", "start"):
        script = _ANY_FAILURE + pasted().replace(".venv/bin/python", sys.executable)
        done = subprocess.run(
            ["bash", "-c", f"{script}\n"],
            env=portal.environment,
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        token = portal.run("manage.py", "create_token", "admin").strip()

        def told(path: str) -> Any:
            asked = urllib.request.Request(f"http://127.0.0.1:{portal.port}/api/v1/{path}")
            asked.add_header("Authorization", f"Bearer {token}")
            with urllib.request.urlopen(asked, timeout=20) as answer:
                return json.load(answer)["results"]

        commands = told("commands/?page_size=250")
        (dialled,) = [command for command in commands if command["action"] == "dial"]
        (hung_up,) = [command for command in commands if command["action"] == "hangup"]
        assert hung_up["call_control_id"] == dialled["call_control_id"]

        def all_is_well() -> bool:
            return all(command["status"] == "ok" for command in told("commands/?page_size=250"))

        eventually(all_is_well, "every command of the tour")
        # of the two calls that were answered the second one's line was cut
        attempts = [len(command["attempts"]) for command in told("commands/?page_size=250&action=answer")]
        assert sorted(attempts) == [1, 2]
