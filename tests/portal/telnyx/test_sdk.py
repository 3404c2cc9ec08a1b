"""What a web process has in memory before its first call to Telnyx."""

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


def test_importing_the_addresses_does_not_import_the_sdk():
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout == "[]\n", done.stderr
