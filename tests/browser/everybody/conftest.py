"""A portal with something on every page, and with what people meet on a bad day."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from applications.kinds import KINDS
from applications.models import BulkEdit, CallControlApplication, Pull
from portal.handbook import book
from portal.models import TelnyxAccount
from tests.badinput import rows
from tests.badinput.addresses import addresses
from tests.browser.conftest import LONG
from tests.support.commands import made_uncertain
from voice.models import CallCommand


@pytest.fixture
def pages(lived_in: list[str], sandbox_account: TelnyxAccount, operator: User) -> list[str]:
    """Every address of the admin with ``FAULTS=long``, else every tenth; not all of them show a page."""
    more = _a_bad_day(operator)
    made: dict[Any, Any] = rows.one_of_each(sandbox_account, operator)
    chapters = [f"/admin/help/{name}/" for name in book.names()]
    every = list(dict.fromkeys([*lived_in, *more, *addresses(made), *chapters, "/admin/nothing/"]))
    return every if os.environ.get("FAULTS") == "long" else every[::10]


def _a_bad_day(operator: User) -> list[str]:
    """Drift with long values, a pull and an edit of many under way, a command that nobody can tell the end of."""
    application = CallControlApplication.objects.get()
    for url in ("https://one.example/hook", f"https://{LONG}.example/{LONG * 3}"):
        application.remote = {"webhook_event_url": url, "application_name": application.application_name}
        application._change_reason = "changed at Telnyx"  # type: ignore[attr-defined]
        application.save()
    target = {"id": str(application.pk), "base": "", "state": "", "said": ""}
    told = {"kind": KINDS[0].slug, "owner": operator, "values": {"application_name": LONG}}
    edits = [
        BulkEdit.objects.create(
            state=state, targets=[target | {"state": outcome, "said": LONG if outcome else ""}], **told
        )
        for state, outcome in (("draft", ""), ("running", ""), ("done", "refused"))
    ]
    Pull.objects.create(
        account=application.account,
        kind=KINDS[0].slug,
        state="running",
        progress=3,
        total=9,
        seen_alive_at=timezone.now() + timedelta(hours=1),
    )
    made_uncertain(CallCommand.objects.earliest("created_at"))
    bulk = "/admin/applications/callcontrolapplication/bulk/"
    return [*(f"{bulk}{edit.pk}/" for edit in edits), "/admin/voice/call/?q=nobody", "/admin/voice/callevent/?e=1"]
