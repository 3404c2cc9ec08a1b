"""The filter of a replay: what is refused on which field, and how it comes back to be changed."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from applications.models import CallControlApplication, TexmlApplication
from portal.models import TelnyxAccount
from tests.support.factories import CONNECTION
from tests.support.replay_pages import NEW, fields, look, text
from tests.support.rows import Call, CallEvent, Replay
from voice.replay.selection import Selection

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("received_from", "yesterday", "Enter a time as"),
        ("received_until", "2026-02-30", "Enter a time as"),
        ("occurred_from", "9" * 50, "at most 40 characters"),
        ("ids", "12", "An event id looks like"),
        ("ids", " ".join(["0ccc7b54-4df3-4bca-a65a-3da1ecc7" + f"{n:04x}" for n in range(1001)]), "1,000 can be given"),
        ("event_types", "call answered!", "An event type looks like"),
        ("event_types", "call.*.ended", "An event type looks like"),
        ("event_types", "*", "An event type looks like"),
        ("statuses", "lost", "not one of the available choices"),
        ("sources", "carrier pigeon", "not one of the available choices"),
        ("account", "nobody", "not one of the available choices"),
        *(("application", odd, "There is no application of that name") for odd in ("no such name", "x7", "٣")),
        ("call", "a b", "That is not a call control id"),
        ("session", "ü", "That is not a session id"),
        ("call", "v3:\x00", "Null characters are not allowed"),
    ],
)
def test_what_is_wrong_is_told_on_its_field(browser: Client, account: Any, field: str, value: str, said: str) -> None:
    answer = browser.post(NEW, {"look": "1", field: value})
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert said in text(answer)
    assert not Replay.objects.exists()
    assert browser.get(NEW, {field: value.replace("\x00", "")}).status_code == 200


def test_a_range_that_ends_before_it_begins_is_told(browser: Client, account: Any) -> None:
    answer = browser.post(NEW, {"received_from": "1h", "received_until": "2h"})
    assert "This is before the beginning." in text(answer)


@pytest.mark.parametrize("name", ["received", "occurred"])
@pytest.mark.parametrize(("end", "said"), [("08:00", []), ("07:59", ["This is before the beginning."])])
def test_a_range_may_be_one_moment_and_must_not_end_before_it(
    browser: Client, account: Any, name: str, end: str, said: list[str]
) -> None:
    given = {f"{name}_from": "2026-06-02 08:00", f"{name}_until": f"2026-06-02 {end}"}
    assert browser.post(NEW, given).context["form"].errors == ({f"{name}_until": said} if said else {})


def test_what_is_named_twice_counts_once_and_a_comma_at_the_end_names_nothing(browser: Client, account: Any) -> None:
    one, other = "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0", "0ccc7b54-4df3-4bca-a65a-3da1ecc777f1"
    look(browser, event_types="call.hangup, ,call.answered\tcall.hangup,", ids=f"{one},\n{other}\n{one},")
    kept = Selection.from_json(Replay.objects.get().selection)
    assert (kept.event_types, kept.ids) == (("call.hangup", "call.answered"), (one, other))


def test_the_other_fields_are_shown_where_one_of_them_is_used(browser: Client, account: TelnyxAccount) -> None:
    used = {f"account__id__exact={account.pk}": True, "source__exact=texml": True}
    for query, shown in ({"": False, "status__exact=dead": False} | used).items():
        assert browser.get(f"{NEW}?{query}").context["form"].more_is_used is shown, query


def test_nothing_is_counted_before_somebody_asks_for_it(browser: Client, wrong_call: Call) -> None:
    told = browser.get(NEW)
    assert not told.context["form"].is_bound
    assert "like that" not in text(told)
    assert "like that" in text(browser.get(f"{NEW}?status__exact=processed"))


@pytest.mark.alone("it counts the events of every account")
def test_an_application_is_chosen_by_id_or_name(browser: Client, wrong_call: Call, account: TelnyxAccount) -> None:
    from_id = text(browser.post(NEW, {"application": CONNECTION}))
    assert "2 events are like that." in from_id
    other = text(browser.post(NEW, {"application": "99999"}))
    assert "No event is like that." in other
    make = CallControlApplication.objects.create
    make(account=account, application_name="front desk", telnyx_id=CONNECTION)
    for telnyx_id in ("77", "78"):
        make(account=account, application_name="back office", telnyx_id=telnyx_id)
    assert "2 events are like that." in text(browser.post(NEW, {"application": "front desk"}))
    assert "Several applications have that name: 77, 78." in text(browser.post(NEW, {"application": "back office"}))


def test_applications_and_event_types_are_offered_and_none_that_is_gone_at_telnyx(
    browser: Client, account: TelnyxAccount
) -> None:
    for telnyx_id, missing_since in (("77", None), ("78", timezone.now())):
        told = {"application_name": f"line {telnyx_id}", "telnyx_id": telnyx_id, "missing_since": missing_since}
        CallControlApplication.objects.create(account=account, **told)
    texml = {"telnyx_id": "79", "friendly_name": "menu", "voice_url": "https://documents.example/", "remote": {}}
    TexmlApplication.objects.create(account=account, **texml)
    offered = browser.get(NEW).context
    assert sorted(offered["applications"]) == [("77", "line 77"), ("79", "menu")]
    assert {"call.hangup", "conference.ended"} <= set(offered["event_types"])


def test_a_filter_can_be_changed_afterwards(browser: Client, wrong_call: Call) -> None:
    page = look(browser, event_types="call.*, call.hangup", received_from="2h", sources=["webhook", "texml"])
    told = browser.post(NEW, fields(browser.get(page)))
    assert "2 events are like that." in text(told)
    assert told.context["form"].cleaned_data["sources"] == ["webhook", "texml"]
    assert 'value="call.*,call.hangup"' in told.content.decode()


def test_every_part_of_a_filter_comes_back_to_be_changed(browser: Client, account: TelnyxAccount) -> None:
    given: dict[str, Any] = {"application": "77", "call": "v3:one", "session": "one", "event_types": "call.*,*.ended"}
    given |= {"statuses": ["dead", "ignored"], "sources": ["texml"], "ids": "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0"}
    given |= {"received_from": "2026-06-01 08:00", "received_until": "2026-06-02"}
    given |= {"occurred_from": "2026-06-03 08:00", "occurred_until": "2026-06-04"}
    page = browser.get(look(browser, **given))
    assert browser.post(NEW, fields(page) | {"look": ["1"]}).status_code == 302
    first, second = (row.selection for row in Replay.objects.all())
    assert (first, len(first)) == (second, 12)


def test_the_filter_of_a_thousand_events_can_be_changed_too(browser: Client, wrong_call: Call) -> None:
    ids = [str(event.pk) for event in CallEvent.objects.all()]
    others = [f"0ccc7b54-4df3-4bca-a65a-3da1ecc7{at:04x}" for at in range(998)]
    page = browser.get(look(browser, ids="\n".join(ids + others)))
    links = re.findall(r'href="([^"]+)"', page.content.decode())
    assert max(map(len, links)) < 2000  # a request line of gunicorn's has room for 4,094
    told = browser.post(NEW, fields(page))
    assert "2 events are like that." in text(told)
    assert all(one in told.content.decode() for one in ids + others)


def test_no_account_is_chosen_before_somebody_chooses_one(browser: Client, account: TelnyxAccount) -> None:
    choices = list(browser.get(NEW).context["form"].fields["account"].choices)
    assert (choices[0], ("main", "main") in choices) == (("", "All accounts"), True)


def test_an_id_is_that_of_its_application_though_another_one_has_it_for_a_name(
    browser: Client, account: TelnyxAccount
) -> None:
    for telnyx_id, name in (("77", "front desk"), ("88", "77")):
        CallControlApplication.objects.create(account=account, application_name=name, telnyx_id=telnyx_id)
    look(browser, application="77")
    assert Selection.from_json(Replay.objects.get().selection).connection_id == "77"


def test_of_very_many_applications_five_hundred_are_offered(browser: Client, account: TelnyxAccount) -> None:
    CallControlApplication.objects.bulk_create(
        CallControlApplication(account=account, telnyx_id=str(at)) for at in range(501)
    )
    assert len(browser.get(NEW).context["applications"]) == 500
