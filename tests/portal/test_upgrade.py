"""A new version and the way back, as docs/running.md tells them, while two legs talk."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import database_of_its_own
from tests.support.portal_processes import Portal, wait_for
from tests.support.sandbox_http import Http

# what version 0.1.0 had
RELEASED = {"applications": "0005_turns", "portal": "0002_saved_filters", "voice": "0010_before_its_leg"}
START = (sys.executable, "manage.py", "start")
pytestmark = [pytest.mark.database, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"), pytest.mark.long]
# what 0.1.0 told of a call, and what must be so afterwards
_TOLD = ("call_control_id", "call_session_id", "direction", "state", "from", "to", "hangup_cause", "connection_id")


class Upgraded(Portal):
    """A portal whose database goes back to the released version and forward again while its processes are stopped."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sandbox = Http(self.sandbox_port)
        self.token = ""

    def told(self) -> list[dict[str, Any]]:
        """The calls, oldest first."""
        address = f"http://127.0.0.1:{self.port}/api/v1/calls/"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            calls = json.loads(answer.read())["results"]
        return [{name: call[name] for name in _TOLD} for call in reversed(calls)]

    def staying(self) -> str:
        """The id of somebody who calls and is put through; both stay for most of an hour."""
        staying = {"number": "*0001", "steps": [{"after": "bridged", "stay": 3000}]}
        assert self.sandbox("POST", "/sandbox/callees", staying)[0] == 200
        steps = [{"after": "gathering", "press": "1"}, {"after": "bridged", "stay": 3000}]
        status, call = self.sandbox("POST", "/sandbox/calls", {"steps": steps})
        assert status == 200, call
        return str(call["call_control_id"])

    def states(self) -> list[str]:
        return [call["state"] for call in self.told()]


@pytest.fixture
def portal(tmp_path: Path, migrated: Path) -> Iterator[Upgraded]:
    portal = Upgraded(tmp_path)
    portal.begin_with(migrated)  # on PostgreSQL it is not asked
    with database_of_its_own("upgraded") as environment:
        portal.environment |= environment
        yield portal


def test_calls_go_on_over_the_way_back_and_a_new_version(portal):
    with portal.started(*START):
        portal.token = portal.run("manage.py", "create_token", "admin").split()[-1]
        portal.run("manage.py", "sandbox_call", "caller_hangs_up")
        staying = portal.staying()
        wait_for(lambda: portal.states() == ["ended", "bridged", "bridged"], "two legs that talk", portal.log)
        before = portal.told()
    for app, migration in RELEASED.items():
        portal.run("manage.py", "migrate", app, migration, "-v", "0")
    with pytest.raises(AssertionError, match=r"no such column|does not exist"):
        portal.run("manage.py", "explain", staying)
    portal.run("manage.py", "migrate", "-v", "0")
    with portal.started(*START):
        assert portal.told() == before
        status, answer = portal.sandbox("POST", f"/sandbox/calls/{staying}/hangup", {})
        assert status == 200, answer
        wait_for(lambda: portal.states() == ["ended"] * 3, "the end of both legs", portal.log)
        assert "The caller hung up" in portal.run("manage.py", "explain", staying)
        portal.run("manage.py", "sandbox_call", "ivr")
        assert len(portal.told()) == 5
