"""A process that applies a file of applications is killed at each of its requests."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.processes import ROOT, Portal, ask, run_python
from tests.faults.world import World, thorough

HOOK = "https://portal.example/hook"
WANTED = {"new": {"webhook_event_url": HOOK}, "kept": {"webhook_event_url": HOOK, "active": False}}
FILE = json.dumps({"call_control_applications": WANTED})  # JSON is YAML
ACCOUNT = """
from portal.models import TelnyxAccount
account = TelnyxAccount(name="{name}", base_url="http://127.0.0.1:{port}/v2")
account.api_key = "KEY-world-{name}"
account.save()
"""


@pytest.mark.row("F28")
@pytest.mark.parametrize("point", [thorough("asking"), "sent", thorough("told")])
def test_a_killed_apply_is_finished_by_the_next(world: World, point: str, tmp_path: Path) -> None:
    portal, file = world.portal, tmp_path / "applications.yaml"
    file.write_text(FILE)
    deaths = 0
    while True:
        applied = _Applied(portal, f"{world.client.line.name}-{deaths}", file)
        portal.arm(point, role="apply", after=deaths)
        status = applied.run()
        if portal.armed():  # it ended before its time had come
            break
        assert status < 0
        applied.is_long_ago()
        assert applied.run() == 0, applied.said
        applied.is_as_the_file_says()
        deaths += 1
    portal.heal()
    assert status == 0, applied.said
    applied.is_as_the_file_says()
    assert deaths > 6  # at least it reads twice, makes one, and reads and writes for the others


class _Applied:
    """The file, the account that it is applied to, and Telnyx's world of that account."""

    def __init__(self, portal: Portal, name: str, file: Path) -> None:
        self._portal, self._name, self._file, self.said = portal, name, file, ""
        run_python(portal.environment, "manage.py", "shell", "-c", ACCOUNT.format(name=name, port=portal.telnyx.port))
        for one in ("kept", "gone"):
            self._at_telnyx("POST", {"application_name": one, "webhook_event_url": HOOK})

    def run(self) -> int:
        """Apply it in a process of its own; the status that it ended with, below zero: a signal."""
        more = ["--account", self._name, "--prune", "--accept-deletes", "--yes"]
        done = subprocess.run(
            [sys.executable, "manage.py", "applications", "apply", str(self._file), *more],
            env=self._portal.environment | {"FAULTS_ROLE": "apply"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        self.said = done.stdout + done.stderr
        return done.returncode

    def is_long_ago(self) -> None:
        """As if so much time had passed that the run of the dead process is nobody's, and its lock on a row, too."""
        with self._portal.connect() as database:
            database.execute("UPDATE applications_turn SET until = until - interval '2 minutes'")
            database.execute("UPDATE applications_applyrun SET seen_alive_at = seen_alive_at - interval '2 minutes'")

    def is_as_the_file_says(self) -> None:
        """Telnyx has what the file says, and nothing twice; after a pull, so has the portal."""
        there = self._at_telnyx("GET")["data"]
        assert sorted((one["application_name"], one["active"]) for one in there) == [("kept", False), ("new", True)]
        run_python(self._portal.environment, "manage.py", "pull_applications", "--account", self._name)
        of_account = "account_id = (SELECT id FROM portal_telnyxaccount WHERE name = %s)"
        with self._portal.connect() as database:
            rows = database.execute(
                "SELECT telnyx_id FROM applications_callcontrolapplication"
                f" WHERE missing_since IS NULL AND {of_account}",
                [self._name],
            ).fetchall()
        assert {row[0] for row in rows} == {one["id"] for one in there}

    def _at_telnyx(self, method: str, body: Any = None) -> Any:
        key = f"KEY-world-{self._name}"
        path = "/v2/call_control_applications"
        status, answer = ask(self._portal.telnyx.port, method, path, body, Authorization=f"Bearer {key}")
        assert status < 300, answer
        return answer
