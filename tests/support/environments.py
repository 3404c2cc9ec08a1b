"""Python with an environment of its own, as a start of the portal has it."""

import base64
import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

GOOD = {"SECRET_KEY": "x" * 50, "PORTAL_ENCRYPTION_KEYS": base64.b64encode(bytes(32)).decode()}
SHOW = "import django.conf; s = django.conf.settings; print({})"


def start(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a clean environment: nothing of the tests' own gets in."""
    clean = {"PATH": os.environ["PATH"], "PORTAL_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    line = [sys.executable, *(command or ("manage.py", "check"))]
    return subprocess.run(
        line, env=clean | environment, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=300, check=False
    )
