"""TeXML's callbacks told apart: of which kind each is, and which is a repeat of another."""

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.factories import run_owed
from tests.support.rows import CallEvent
from tests.support.texml import form, stored
from tests.support.webhooks import post_texml

pytestmark = pytest.mark.django_db
MOMENT = "2026-11-20T09:00:00Z"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"CallStatus": "ringing", "CallingPartyType": "pstn"}, "texml.call.fetch"),
        ({"CallStatus": "ringing", "CallingPartyType": "pstn", "SequenceNumber": "1"}, "texml.call.ringing"),
        ({"CallStatus": "ringing", "CallingPartyType": "pstn", "Timestamp": MOMENT}, "texml.call.ringing"),
        ({"CallingPartyType": "pstn", "AnsweredBy": "human"}, "texml.amd"),
        ({"CallStatus": "ringing", "StatusCallbackEvent": "ringing"}, "texml.call.ringing"),
        ({"ConferenceSid": "c", "RecordingSid": "r", "RecordingStatus": "completed"}, "texml.recording.completed"),
    ],
)
def test_the_kind_is_told_by_all_that_a_callback_has(
    client: Client, account: TelnyxAccount, fields: dict[str, str], kind: str
) -> None:
    assert stored(client, account, form(**fields)).event_type == kind


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("told", [{"SequenceNumber": "1"}, {"Timestamp": MOMENT}])
def test_by_its_number_or_its_time_alone_a_repeat_is_known_in_another_order_too(
    client: Client, account: TelnyxAccount, told: dict[str, str]
) -> None:
    body = form(CallStatus="ringing", **told)
    for each in (body, b"&".join(reversed(body.split(b"&")))):
        assert post_texml(client, account, each).status_code == 200
    assert CallEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_one_moment_two_kinds_are_two(client: Client, account: TelnyxAccount) -> None:
    for word in ("started", "stopped"):
        told = {"StreamEvent": f"stream-{word}", "StreamSid": "one", "Timestamp": MOMENT}
        assert post_texml(client, account, form(**told)).status_code == 200
    found = CallEvent.objects.order_by("event_type").values_list("event_type", "status")
    assert list(found) == [("texml.stream.started", "received"), ("texml.stream.stopped", "received")]


def test_a_callback_that_tells_nothing_new_of_its_call_is_processed(client: Client, account: TelnyxAccount) -> None:
    """It is a line of the call's story. Of these two neither has a time, and the first one's key is the greater."""
    for digits in "13":
        assert post_texml(client, account, form(Digits=digits)).status_code == 200
        run_owed()
    first, second = (CallEvent.objects.get(payload__Digits=digits) for digits in "13")
    assert first.dedupe_key > second.dedupe_key
    assert (first.status, second.status) == ("processed", "processed")
