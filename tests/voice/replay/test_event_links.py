"""The ways from stored events to a replay of them."""

import re

import pytest
from django.test import Client

from tests.support.replay_pages import look, selected, text
from tests.support.rows import Call, CallEvent, Replay

pytestmark = pytest.mark.django_db


def test_the_list_of_events_brings_its_filter_along(browser: Client, wrong_call: Call) -> None:
    query = "status__exact=processed&source__exact=webhook&event_type=call.hangup&q=v3:a-leg"
    listed = browser.get(f"/admin/voice/callevent/?{query}")
    address = re.search(r'href="(/admin/voice/replay/new/[^"]+)"', listed.content.decode())
    assert address
    within = "&received_at_from_0=2020-01-01&received_at_from_1=00:00:00"
    told = browser.get(address[1].replace("&amp;", "&") + within)
    assert "1 event is like that." in text(told)
    assert 'value="call.hangup"' in told.content.decode()
    assert 'value="v3:a-leg"' in told.content.decode()
    assert 'value="2020-01-01 00:00:00"' in told.content.decode()


@pytest.mark.parametrize("name", ["connection_id__exact", "connection_id"])
def test_the_application_comes_along(browser: Client, wrong_call: Call, name: str) -> None:
    told = browser.get(f"/admin/voice/replay/new/?{name}=1234567890")
    assert told.context["form"]["application"].value() == "1234567890"


def test_selected_events_are_looked_at(browser: Client, wrong_call: Call) -> None:
    events = list(CallEvent.objects.all())
    answer = browser.post("/admin/voice/callevent/", selected(*events))
    assert answer.status_code == 302
    row = Replay.objects.get()
    assert (row.state, row.total) == ("ready", 2)
    assert str(row.pk) in answer["Location"]


@pytest.mark.parametrize(
    ("status", "said"), [("dead", "was tried 8 times and given up"), ("quarantined", "is kept and not used")]
)
def test_a_dead_or_quarantined_events_page_offers_to_run_it(
    browser: Client, wrong_call: Call, status: str, said: str
) -> None:
    event = CallEvent.objects.first()
    CallEvent.objects.filter(pk=event.pk).update(status=status, attempts=8, error="why")
    shown = browser.get(f"/admin/voice/callevent/{event.pk}/change/")
    assert said in text(shown)
    assert f'name="ids" value="{event.pk}"' in shown.content.decode()
    page = look(browser, ids=str(event.pk))
    assert "would change" in text(browser.get(page))
