"""Stored events in the browser."""

from typing import Any

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.rows import CallEvent
from tests.support.webhooks import post_webhook

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bystander")]


def test_the_raw_body_of_an_event_is_for_those_who_may_see_it(
    signed_in: Any, browser: Client, account: TelnyxAccount
) -> None:
    post_webhook(Client(), account, b'{"mark": "of the bytes"')
    url = f"/admin/voice/callevent/{CallEvent.objects.get().pk}/change/"
    assert "of the bytes" in browser.get(url).content.decode()
    assert "of the bytes" not in signed_in("voice.view_callevent").get(url).content.decode()
