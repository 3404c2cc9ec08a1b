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


def confirm(browser: Client, page: str) -> Any:
    """Confirm what the page shows, as its button does; without a button there is nothing to send along."""
    edit = browser.get(page).context["edit"]
    return browser.post(f"{page}run/", {"preview": str(edit.preview)})


def shown_lines(browser: Client, page: str) -> dict[str, Any]:
    return {line.application.name: line for line in browser.get(page).context["lines"]}
