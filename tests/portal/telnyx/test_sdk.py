"""What a process has of the SDK in memory: nothing before its first call to Telnyx, then what it asked for."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from portal.telnyx import sdk

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


OWN_CODE = """
from __future__ import annotations

import os

from . import hub
from .. import garage
from ..garage import Lift
from .rim import Rim as Rim, Spoke as Spoke
"""


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A package that is imported as it is asked; its own code would fail."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, code in (("__init__", OWN_CODE), ("hub", ""), ("rim", "class Rim: ...\nclass Spoke: ...\n")):
        (folder / f"{name}.py").write_text(code)
    monkeypatch.setitem(sys.modules, "wheels", sdk._OnDemand("wheels", folder))
    yield sys.modules["wheels"]
    for name in [name for name in sys.modules if name.startswith("wheels.")]:
        del sys.modules[name]


def test_a_name_is_taken_from_where_the_packages_own_code_takes_it(wheels: Any) -> None:
    assert (wheels.Rim.__module__, wheels.Spoke.__name__, wheels.hub.__name__) == ("wheels.rim", "Spoke", "wheels.hub")
    assert wheels.Spoke is wheels.rim.Spoke
    others = ("annotations", "os", "garage", "Lift", "Tyre", "_hub")
    assert [name for name in others if hasattr(wheels, name)] == []


def test_it_is_a_package_to_whoever_asks_python_where_it_is(wheels: Any, tmp_path: Path) -> None:
    found = util.find_spec("wheels")
    assert found is not None
    places = (found.name, found.origin, [*(found.submodule_search_locations or ())])
    assert places == ("wheels", str(tmp_path / "wheels" / "__init__.py"), [str(tmp_path / "wheels")])


def test_a_module_that_is_the_packages_own_business_is_not_imported_for_its_name(wheels: Any, tmp_path: Path) -> None:
    (tmp_path / "wheels" / "_cog.py").write_text("")
    assert not hasattr(wheels, "_cog")
    assert "wheels._cog" not in sys.modules
