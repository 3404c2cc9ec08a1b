"""A call that a replay puts right."""

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import make_event, run_owed
from tests.support.rows import Call
from tests.support.webhooks import post_webhook


@pytest.fixture
def wrong_call(account: TelnyxAccount) -> Call:
    """A call whose columns somebody spoiled."""
    for document in (make_event(seconds=-20), make_event("call.hangup", -1)):
        assert post_webhook(Client(), account, document).status_code == 200
    run_owed()
    Call.objects.update(state="ringing", ended_at=None, from_number="", from_reversed="")
    return Call.objects.get()
