"""Places at which a process of the portal dies, stalls or has another clock, when a file in ``FAULTS_DIR`` says so.

Each named function is wrapped from outside. ``points/<point>/<role>.<n>`` holds ``die`` or ``stall SECONDS``; whoever
deletes the file is the one it strikes. ``clock.<role>`` holds the seconds by which that role's clock differs.
"""

import faulthandler
import functools
import importlib
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from celery.signals import beat_init, worker_ready
from django.apps import AppConfig
from django.utils import timezone

# By name: module, attribute, and whether it strikes before the function runs, after it, or after it found something.
POINTS = {
    "claimed": ("voice.events.leases", "_claim", "found"),  # the claim is committed, nothing is done yet
    "projected": ("voice.events.processing", "changes", "after"),  # in the midst of the one transaction
    "begun": ("voice.dispatch.sender", "send_begun", "before"),  # the event is committed, its command not asked for
    "sending": ("voice.dispatch.sender", "_attempt", "before"),  # the claim is committed, no socket is open
    "sent": ("portal.telnyx.client", "_DeadlineStream.read", "before"),  # the request is out, its answer not read
    "asking": ("portal.telnyx.client", "_asked", "before"),  # whatever is asked of Telnyx: no socket is open
    "told": ("portal.telnyx.client", "_asked", "after"),  # the answer is here, nothing is written down
    "answered": ("voice.dispatch.sender", "_attempt", "after"),  # Telnyx's answer is here, nothing is written down
}
_CLOCK_READ_SECONDS = 0.1

_real_time, _real_now = time.time, timezone.now


class Failpoints(AppConfig):
    """Wraps the points and tells when a process is ready for work."""

    name = "tests.faults.failpoints"
    label = "failpoints"

    def ready(self) -> None:
        faulthandler.register(signal.SIGUSR2)  # whoever hangs can be asked where: it goes to its log
        folder, role = Path(os.environ["FAULTS_DIR"]), os.environ.get("FAULTS_ROLE", "none")
        for point, (module, path, when) in POINTS.items():
            _wrap(
                importlib.import_module(module), path, functools.partial(strike, folder / "points" / point, role), when
            )
        _set_clock(_Clock(folder / f"clock.{role}"))
        said = functools.partial(_touch, folder / f"ready.{role}")
        worker_ready.connect(said, weak=False)
        beat_init.connect(said, weak=False)
        _wrap(importlib.import_module("voice.management.commands.sweep"), "Sweep.safely", said, "after")


def strike(folder: Path, role: str) -> None:
    """Do what the first file for this role says, if there is one: a file strikes once."""
    if not folder.is_dir():
        return
    for path in sorted(folder.glob(f"{role}.*")):
        try:
            words = path.read_text().split()
            path.unlink()
        except FileNotFoundError:
            continue  # another process was faster
        if words[0] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(words[1]))
        return


def _wrap(module: Any, path: str, act: Callable[[], None], when: str) -> None:
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, module)
    function = getattr(owner, name)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            act()
        found = function(*args, **kwargs)
        if when == "after" or (when == "found" and found):
            act()
        return found

    setattr(owner, name, wrapped)


class _Clock:
    """The seconds a role's clock is off; the file is read anew now and then, so that it can step."""

    def __init__(self, path: Path) -> None:
        self._path, self._off, self._due = path, 0.0, 0.0

    def off(self) -> float:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _CLOCK_READ_SECONDS
            try:
                self._off = float(self._path.read_text() or 0)
            except (OSError, ValueError):
                self._off = 0.0
        return self._off


def _set_clock(clock: _Clock) -> None:
    def moved_time() -> float:
        return _real_time() + clock.off()

    def moved_now() -> datetime:
        return _real_now() + timedelta(seconds=clock.off())

    time.time, timezone.now = moved_time, moved_now


def _touch(path: Path, **_: object) -> None:
    path.touch()
