"""The token of our webhook address is told only to who may see the accounts: in exports, pages, history and REST."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from applications import addresses
from applications.models import CallControlApplication
from applications.pulls.pulls import pull
from portal.actors import PORTAL
from portal.sandbox.server.server import Sandbox
from tests.support.application_pages import page_url
from tests.support.applications import CALL_CONTROL, remote_of
from tests.support.rest import api_for, problem
from tests.support.telnyx_edits import edited

REST = "/api/v1/call-control-applications/"


@pytest.fixture
def row(mirrored: Any) -> CallControlApplication:
    found: CallControlApplication = mirrored(name="router")
    url = found.account.webhook_url
    found.remote = found.remote | {"webhook_event_url": url, "webhook_event_failover_url": f"{url}?again=1"}
    found.webhook_event_url = url
    found.save()
    return found


def told(user: User, client: Client, row: CallControlApplication) -> dict[str, str]:
    client.force_login(user)
    version = row.history.first().history_id
    pages = {
        "csv": page_url("export", "csv"),
        "json": page_url("export", "json"),
        "list": page_url("changelist"),
        "page": page_url("change", row.pk),
        "history": page_url("history", row.pk),
        "version": page_url("simple_history", row.pk, version),
    }
    answers = {name: client.get(address) for name, address in pages.items()}
    api, of = api_for(user), f"account={row.account.name}"
    answers |= {
        "rest": api.get(f"{REST}{row.telnyx_id}/?{of}"),
        "rest history": api.get(f"{REST}{row.telnyx_id}/history/?{of}"),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 200)
    return {name: answer.getvalue().decode() for name, answer in answers.items()}


def test_the_token_is_told_only_to_who_may_see_the_accounts(client: Client, user_with: Any, row: Any) -> None:
    token, view = row.account.webhook_token, CALL_CONTROL.permission("view")
    shown = told(user_with(view, "portal.view_telnyxaccount", username="seeing"), client, row)
    assert {"csv", "json", "page", "version", "rest"} <= {name for name, text in shown.items() if token in text}
    hidden = told(user_with(view, username="other"), client, row)
    assert [name for name, text in hidden.items() if token in text] == []
    assert "/webhooks/•••/call-control/" in hidden["csv"]


def test_what_was_changed_at_telnyx_tells_it_nobody_else(
    client: Client, user_with: Any, mirrored: Any, sandbox: Sandbox
) -> None:
    row = mirrored(name="router")
    edited(sandbox, row, {"webhook_event_url": "https://theirs.example/hook"})
    pull(CALL_CONTROL, row.account, PORTAL)
    client.force_login(user_with(CALL_CONTROL.permission("view")))
    for part in ("change", "edits"):
        page = client.get(page_url(part, row.pk)).content.decode()
        assert row.account.webhook_token[:10] not in page
        assert "/webhooks/•••/call-control/ → https://theirs.example/hook" in page


def test_a_conflict_tells_it_nobody_else(user_with: Any, row: Any) -> None:
    api = api_for(user_with(CALL_CONTROL.permission("view"), CALL_CONTROL.permission("change")))
    at, mine = f"{REST}{row.telnyx_id}/?account={row.account.name}", {"webhook_event_url": "https://mine.example/hook"}
    stale = problem(api.patch(at, mine, format="json", headers={"If-Match": '"x"'}), 412)
    assert stale["conflicts"]["webhook_event_url"] == {
        "base": None,
        "theirs": row.account.webhook_url.replace(row.account.webhook_token, "•••"),
        "mine": "https://mine.example/hook",
    }


def test_an_import_tells_it_nobody_else_and_does_what_it_says(client: Client, user_with: Any, mirrored: Any) -> None:
    row, mine = mirrored(name="router"), "https://mine.example/hook"
    whole, rights = row.account.webhook_url, [CALL_CONTROL.permission(verb) for verb in ("view", "change")]
    for may_see in (True, False):
        more = ["portal.view_telnyxaccount"] if may_see else []
        before = whole if may_see else whole.replace(row.account.webhook_token, "•••")
        client.force_login(user_with(*rights, *more, username=f"sees-{len(more)}"))
        file = SimpleUploadedFile("apps.csv", f"id,webhook_event_url\n{row.telnyx_id},{mine}\n".encode())
        planned = client.post(page_url("import"), {"account": row.account.pk, "file": file})
        assert planned.context["lines"][0]["changes"] == [("webhook_event_url", before, mine)]
        signed = signing.loads(planned.context["state"], salt="applications.import")
        assert (row.account.webhook_token in str(signed), mine in str(signed)) == (False, True)
    assert row.account.webhook_token not in planned.content.decode()
    client.post(page_url("import_run"), {"state": planned.context["state"]})
    assert remote_of(row)["webhook_event_url"] == mine


def test_what_was_hidden_is_not_written_back() -> None:
    values = {"webhook_event_url": "https://portal.example/webhooks/•••/call-control/"}
    assert "hidden when it was read" in addresses.problems(values, {})["webhook_event_url"][0]
