"""Journals in the browser: events, commands and rejected requests, to be read and not changed."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.events import tell
from tests.support.factories import make_event
from tests.support.rows import Call, CallCommand, CallEvent, RejectedRequest
from voice.commands import outbox

pytestmark = pytest.mark.django_db


@pytest.mark.alone("it lists what there is, of every account")
def test_events_commands_and_rejections_can_be_read_and_searched(browser: Client, account: TelnyxAccount) -> None:
    tell(account, make_event(), make_event(leg="b"))
    outbox.act(Call.objects.get(call_control_id="v3:a-leg"), "hangup", {}, PORTAL)
    RejectedRequest.objects.create(at=timezone.now(), account=account, reason="signed with another key")

    def count(name: str, **query: str) -> int:
        return len(browser.get(f"/admin/voice/{name}/", query).context["cl"].result_list)

    event, command = CallEvent.objects.get(call_control_id="v3:a-leg"), CallCommand.objects.get()
    assert (count("callevent"), count("callevent", q=event.event_id), count("callevent", q="v3:b-leg")) == (2, 1, 1)
    assert (count("callcommand", q=str(command.pk)), count("callcommand", q="portal"), count("callcommand", q="x")) == (
        1,
        1,
        0,
    )
    assert "signed with another key" in browser.get("/admin/voice/rejectedrequest/").content.decode()


@pytest.mark.parametrize(("name", "status"), [("callevent", 403), ("callcommand", 404), ("rejectedrequest", 403)])
def test_a_journal_is_read_only_and_takes_its_permission(
    browser: Client, signed_in: Any, name: str, status: int
) -> None:
    """Commands have no page to add one at all."""
    assert browser.get(f"/admin/voice/{name}/add/").status_code == status
    assert signed_in("voice.view_call").get(f"/admin/voice/{name}/").status_code == 403
    assert signed_in(f"voice.view_{name}", username="other").get(f"/admin/voice/{name}/").status_code == 200
