"""Stored events in the browser."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.conferences import ROOM, room_event
from tests.support.events import tell
from tests.support.factories import make_call, make_event
from tests.support.rows import CallEvent
from tests.support.times import ago
from tests.support.webhooks import post_webhook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_the_raw_body_of_an_event_is_for_those_who_may_see_it(
    signed_in: Any, browser: Client, account: TelnyxAccount
) -> None:
    post_webhook(Client(), account, b'{"mark": "of the bytes"')
    url = f"/admin/voice/callevent/{CallEvent.objects.get().pk}/change/"
    assert "of the bytes" in browser.get(url).content.decode()
    assert "of the bytes" not in signed_in("voice.view_callevent").get(url).content.decode()


def test_an_event_leads_to_its_call_and_its_account_those_alone_who_may_see_them(
    signed_in: Any, account: TelnyxAccount
) -> None:
    call = make_call(account)
    told = {"event_type": "call.answered", "status": "processed", "source": "webhook", "received_at": ago(5)}
    event = CallEvent.objects.create(account=account, dedupe_key="a", body=b"{}", call=call, **told)
    of_call, of_account = f"/admin/voice/call/{call.pk}/", f"/admin/portal/telnyxaccount/{account.pk}/"
    for rights, seen in (
        ((), (False, False)),
        (("voice.view_call",), (True, False)),
        (("portal.view_telnyxaccount",), (False, True)),
    ):
        client = signed_in("voice.view_callevent", *rights, username="".join(rights) or "nobody")
        page = client.get(f"/admin/voice/callevent/{event.pk}/change/").content.decode()
        assert (of_call in page, of_account in page) == seen
        assert account.name in page
        assert (of_call in client.get("/admin/voice/callevent/").content.decode()) == seen[0]


@pytest.mark.alone("it lists what there is, of every account")
@pytest.mark.parametrize("term", [ROOM, ROOM.upper()])
def test_events_of_a_conference_are_found_by_its_id(browser: Client, account: TelnyxAccount, term: str) -> None:
    tell(account, room_event("conference.created", -9), make_event(leg="b"))
    rows = browser.get("/admin/voice/callevent/", {"q": term}).context["cl"].result_list
    assert [row.event_type for row in rows] == ["conference.created"]
