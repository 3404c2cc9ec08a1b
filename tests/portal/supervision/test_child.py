"""A process of ``make run`` runs only under the parent that started it."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to tell of a parent's death")


def child_of(parent: int) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "portal.supervision.child", str(parent), sys.executable, "-c", "print('it runs')"]
    return subprocess.run(line, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_runs_under_its_parent() -> None:
    done = child_of(os.getpid())
    assert (done.returncode, done.stdout) == (0, "it runs\n"), done.stderr


def test_it_does_not_begin_once_its_parent_is_gone() -> None:
    done = child_of(os.getppid())  # somebody else's parent by now
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
