"""What a process has of the SDK in memory: nothing before its first call to Telnyx, then what it asked for."""

import os
import subprocess
import sys

from django.conf import settings

SHOW = """
import sys, django
django.setup()
import portal.urls, portal.wsgi, portal.celery
from django.urls import get_resolver
get_resolver().url_patterns
print(sorted(name for name in sys.modules if name.partition(".")[0] == "telnyx"))
"""


ON_DEMAND = """
import sys
from portal.telnyx.sdk import telnyx
client = telnyx().Telnyx(api_key="KEY", base_url="http://127.0.0.1")
client.calls.actions, client.texml.calls, client.call_control_applications
print(sum(name.startswith("telnyx.") for name in sys.modules) < 1000)
"""

WHOLE = """
from portal.telnyx.sdk import telnyx
package = telnyx()
for part in (package.types, package.resources):
    print(sum(getattr(part, name) is not None for name in part._homes) > 100)
print(package.types.fax.__name__, hasattr(package.types, "Nothing"), hasattr(package.types, "_nothing"))
"""


def said(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_addresses_does_not_import_the_sdk() -> None:
    assert said(SHOW) == "[]\n"


def test_of_the_sdk_is_imported_what_is_asked_for() -> None:
    assert said(ON_DEMAND) == "True\n"


def test_whatever_the_sdk_has_can_be_asked_for() -> None:
    assert said(WHOLE) == "True\nTrue\ntelnyx.types.fax False False\n"
