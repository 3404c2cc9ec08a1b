"""The REST reference in a browser: its examples in JavaScript, no sideways scrolling, nothing from elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from applications.models import CallControlApplication
from portal.models import ApiToken, TelnyxAccount
from tests.browser.everybody import axe
from tests.browser.everybody.pages import told
from tests.browser.overflow import sticks_out
from tests.support.factories import CONNECTION

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
EXAMPLES = Path(settings.BASE_DIR) / "templates/portal/reference/examples"


def test_the_examples_in_javascript_run_as_they_stand(
    opened: Callable[..., Any], account: TelnyxAccount, operator: Any
) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id=CONNECTION, application_name="ivr")
    said: dict[str, list[str]] = {}
    with opened() as window:
        window.page.on("console", lambda line: said[stem].append(line.text))
        for file in EXAMPLES.glob("*.js"):
            stem = file.stem
            said[stem] = []
            window.open("/api/docs/")
            environment = {"PORTAL": window.origin, "TOKEN": ApiToken.make(operator, "tests", [])[1]}
            window.page.evaluate(
                f"async (env) => {{ const process = {{ env }};\n{file.read_text()}\n}}",
                environment,
            )
    assert said["tokens"] == [account.name]
    assert said["paging"] == []
    assert said["idempotency"] == ["201 true true"]
    assert said["errors"][-1] == "400 invalid nummer There is no such filter."


@pytest.mark.looks
def test_a_page_is_readable_by_everybody_at_each_width(opened: Callable[..., Any]) -> None:
    found: dict[str, list[str]] = {}
    with opened() as window:
        axe.bring(window)
        for path in ("/api/docs/", "/api/docs/calls/", "/api/docs/texml-documents/"):
            window.open(path)
            found[path] = axe.faults(window)
            assert window.page.evaluate("document.querySelectorAll('h1').length") == 1
            for width in (1440, 390):
                window.page.set_viewport_size({"width": width, "height": 900})
                assert not sticks_out(window)
        assert window.wrongs == []
    assert not any(found.values()), told(found)
