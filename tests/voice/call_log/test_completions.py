"""While somebody types, the words of the search and their values are offered: what they may see, and no number."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from applications.models import CallControlApplication
from portal.models import AuditEvent, TelnyxAccount
from tests.support.call_pages import LOG
from tests.support.factories import CONNECTION, FROM, make_call, make_flow
from voice.call_log import completions, query
from voice.models import Call, CallTag, Contact

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it offers what there is, of every account")]


def offered(client: Client, word: str) -> dict[str, str]:
    page = client.get(f"{LOG}completions/", {"word": word})
    assert page.status_code == 200, page
    return {one.text: one.meaning for one in page.context["offered"]}


@pytest.fixture
def support(user_with: Any) -> Client:
    client = Client()
    client.force_login(user_with("Support"))
    return client


def test_each_word_of_the_search_is_offered_with_what_it_means() -> None:
    known = {key for key in [*query.KEYS, *query.WINDOWS, query.ROWS] if key} - {"metric"}  # that stands in links alone
    assert set(completions.WORDS) == known
    assert all(completions.WORDS.values())


def test_what_is_offered_is_understood(support: Client, operator: Any, account: TelnyxAccount) -> None:
    make_call(account, "a", queue="front desk", ending="we_hung_up", ending_category="completed", ended_by="us")
    for word in completions.WORDS:
        for text in offered(support, f"{word}:"):
            asked = query.read(text, operator)
            assert (asked.wrong, asked.notes, asked.text) == ((), (), text), text


def test_a_word_and_its_values_are_found_by_their_beginning(support: Client) -> None:
    assert offered(support, "end") == {"ending:": "how it ended"}
    assert offered(support, "-END") == {"-ending:": "how it ended"}
    assert [offered(support, word) for word in ("-since", "-since:1", "-rows:")] == [{}] * 3  # none is turned round
    assert offered(support, "ending:bu") == {"ending:busy": "Busy"}
    assert offered(support, "-is:ru") == {"-is:running": "on the line"}
    assert list(offered(support, "ending:our side")) == ["ending:our_side"]  # by its words, too
    assert list(offered(support, "ending:we_hung_up_m")) == ["ending:we_hung_up_menu", "ending:we_hung_up_machine"]
    assert len(offered(support, "")) == completions.MOST
    nothing = ("ending:nothing", "colour:", "metric:", "front", "3125550101", FROM, "from:+1", ":", "x" * 999)
    assert [offered(support, word) for word in nothing] == [{}] * len(nothing)


def test_names_are_offered_to_who_may_see_what_they_name(
    support: Client, signed_in: Any, account: TelnyxAccount
) -> None:
    CallControlApplication.objects.create(account=account, telnyx_id="42", application_name="Front desk")
    make_flow(account, name="Front of house")
    assert list(offered(support, "app:fr")) == ['app:"Front desk"']
    assert list(offered(support, 'app:"front d')) == ['app:"Front desk"']
    assert list(offered(support, "flow:FRO")) == ['flow:"Front of house"']
    bare = signed_in("voice.view_call", username="bare")
    assert [offered(bare, word) for word in ("app:fr", "flow:fr", "account:")] == [{}, {}, {}]
    make_call(account, "a")  # of a call that they see they see the account, and the application
    assert list(offered(bare, "account:")) == [f"account:{account.name}"]
    assert list(offered(bare, f"app:{CONNECTION[:4]}")) == [f"app:{CONNECTION}"]


def test_what_people_wrote_is_offered_to_who_may_see_that(
    support: Client, signed_in: Any, account: TelnyxAccount
) -> None:
    call = make_call(account, "a")
    other = make_call(account, "b", call_session_id="")
    for row, name in ((call, "vip"), (other, "vip"), (other, "visit")):
        CallTag.objects.create(call=row, name=name, tagged_by="ada", at=timezone.now())
    Contact.objects.create(number=FROM, name="Ada Lovelace", company="Engines")
    assert offered(support, "tag:vi") == {"tag:vip": "2 lately", "tag:visit": "1 lately"}
    assert offered(support, "contact:ada") == {'contact:"Ada Lovelace"': "Engines"}
    assert offered(support, "contact:") == {}  # not the whole book
    bare = signed_in("voice.view_call", username="bare")
    assert [offered(bare, word) for word in ("tag", "tag:vi", "note", "contact", "contact:ada")] == [{}] * 5


def test_no_number_is_offered_to_who_may_not_see_it(support: Client, browser: Client, account: TelnyxAccount) -> None:
    Contact.objects.create(number=FROM, name=f"Ada {FROM}", company=f"of {FROM}")
    Contact.objects.create(number="+13125550177", name="Adam", company=f"of {FROM}")
    make_call(account, "a", queue=f"q{FROM}")
    make_call(account, "b", queue="quiet", call_session_id="")
    assert list(offered(support, "queue:q")) == ["queue:quiet"]
    assert list(offered(support, "contact:ada")) == ["contact:Adam"]
    assert FROM[2:] not in str(offered(support, "contact:ada"))
    assert offered(support, f"contact:ada {FROM[:6]}") == {}
    assert sorted(offered(browser, "queue:q")) == [f"queue:q{FROM}", "queue:quiet"]
    assert not AuditEvent.objects.filter(action="call.search").exists()


def test_the_queues_are_found_however_many_calls_waited_in_each(support: Client, account: TelnyxAccount) -> None:
    now = timezone.now()
    Call.objects.bulk_create(
        Call(account=account, call_control_id=f"v3:{at}", started_at=now - timedelta(days=2), queue=f"line-{at % 3}")
        for at in range(300)
    )
    with CaptureQueriesContext(connection) as captured:
        assert list(offered(support, "queue:line")) == ["queue:line-0", "queue:line-1", "queue:line-2"]
    assert len([one for one in captured if "LIMIT 1" in one["sql"] and "queue" in one["sql"]]) < 10


def test_who_may_not_see_calls_is_offered_nothing(signed_in: Any, client: Client) -> None:
    assert signed_in("voice.dial").get(f"{LOG}completions/?word=is").status_code == 403
    assert client.get(f"{LOG}completions/?word=is").status_code == 302
