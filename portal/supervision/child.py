"""Runs a process of ``make run`` that cannot outlive its parent: ``python -m portal.supervision.child PID COMMAND…``.

Linux tells a process when its parent dies (PR_SET_PDEATHSIG); elsewhere the supervisor's own clean-up has to do.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask for SIGTERM at the parent's death, and leave at once if it is already gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  the supervisor says which
