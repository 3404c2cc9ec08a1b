"""Replay in the browser: the form, the dry run it leads to, and what the pages say."""

import re
from typing import Any

from django.test import Client

from tests.support.rows import CallEvent

NEW = "/admin/voice/replay/new/"


def look(client: Client, **filters: Any) -> str:
    """The address of the dry run's page."""
    answer = client.post(NEW, {"look": "1", "account": "main"} | filters)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def selected(*events: CallEvent) -> dict[str, Any]:
    return {"action": "replay_selected", "_selected_action": [str(event.pk) for event in events]}


def fields(page: Any) -> dict[str, list[str]]:
    """What the button “Change the filter” of a replay's page posts."""
    form = re.search(rf'<form method="post" action="{NEW}">(.*?)</form>', page.content.decode(), re.DOTALL)
    assert form
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form[1]):
        found.setdefault(name, []).append(value)
    return found
