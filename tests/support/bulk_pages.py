"""One change for many, as a person goes about it."""

from typing import Any

from django.test import Client

from applications.kinds import Kind
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL


def select(browser: Client, action: str, rows: Any, kind: Kind = CALL_CONTROL) -> str:
    """The page an action on a selection leads to."""
    answer = browser.post(
        page_url("changelist", kind=kind), {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    )
    assert answer.status_code == 302
    return str(answer["Location"])


def shown_lines(browser: Client, page: str) -> dict[str, Any]:
    return {line.application.name: line for line in browser.get(page).context["lines"]}
