"""The other calls of a call's number."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.test import Client

from portal.keyset import Place
from portal.models import TelnyxAccount
from tests.support.call_pages import page
from tests.support.factories import FROM, make_call
from tests.support.rows import Call
from voice.notes import history

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


def at(account: TelnyxAccount, minutes: float, leg: str, **columns: Any) -> Call:
    told = {"call_session_id": leg, "state": "ended", "started_at": NOW - timedelta(minutes=minutes)}
    return make_call(account, leg, **(told | columns))


@pytest.mark.alone("the same number calls another account, too")
def test_the_call_before_and_the_next_one_are_of_the_same_number(browser: Client, account: TelnyxAccount) -> None:
    before = at(account, 9, "before")
    call = at(account, 5, "this")
    after = at(account, 3, "after", direction="outgoing", from_number="+13125550100", to_number=FROM)
    at(account, 4, "stranger", from_number="+13125550188")
    found = history.of_call(call)
    assert found is not None
    assert (found.previous, found.next, found.newest) == (before, after, [after, call, before])
    listed = browser.get(page(call, "number")).context["rows"]
    assert [row for row, *_ in listed] == [after, call, before]


@pytest.mark.parametrize("nobody", ["anonymous", "Restricted", ""])
def test_nobody_has_no_history(browser: Client, account: TelnyxAccount, nobody: str) -> None:
    at(account, 9, "before", from_number=nobody)
    call = at(account, 5, "this", from_number=nobody)
    assert history.of_call(call) is None
    assert browser.get(page(call, "number")).status_code == 404
    assert "its other calls cannot be found" in browser.get(page(call)).content.decode()


@pytest.mark.alone("the same number calls another account, too")
def test_the_list_is_paged_and_masks_what_its_viewer_may_not_see(signed_in: Any, account: TelnyxAccount) -> None:
    calls = [at(account, minutes, f"leg {minutes}") for minutes in range(60)]
    client = signed_in("voice.view_call")
    first = client.get(page(calls[5], "number"))
    second = client.get(f"{page(calls[5], 'number')}?p={first.context['next']}")
    assert [row for one in (first, second) for row, *_ in one.context["rows"]] == calls
    assert FROM not in first.content.decode()
    assert "5550101" not in first.content.decode().replace("-", "")
    assert client.get(f"{page(calls[5], 'number')}?p=nonsense").status_code == 200
    assert signed_in("voice.view_callevent", username="second").get(page(calls[5], "number")).status_code == 403


@pytest.mark.alone("the same number calls another account, too")
def test_each_call_comes_once_both_ways_whichever_side_the_number_is_on(account: TelnyxAccount) -> None:
    sides = ({}, {"direction": "outgoing", "from_number": "+13125550100", "to_number": FROM}, {"to_number": FROM})
    for minutes in range(23):
        at(account, minutes // 4, f"leg {minutes}", **sides[minutes % 3])  # some at the same moment, some to itself
    expected = list(Call.objects.filter(Q(from_number=FROM) | Q(to_number=FROM)).order_by("-started_at", "-id"))
    there: list[Call] = []
    page_ = history.page_of_number(FROM, Place(), 5)
    assert page_.previous is None
    there += page_.rows
    while page_.next:
        page_ = history.page_of_number(FROM, page_.next, 5)
        there += page_.rows
    assert there == expected
    back = list(page_.rows)
    while page_.previous:
        page_ = history.page_of_number(FROM, page_.previous, 5)
        back = [*page_.rows, *back]
    assert back == expected


@pytest.mark.alone("the same number calls another account, too")
def test_it_tells_who_vouched_for_the_number_in_its_calls_to_us(browser: Client, account: TelnyxAccount) -> None:
    call = at(account, 1, "1", attestation="A", attestation_valid=True, screening="no_action")
    at(account, 2, "2", attestation="C", screening="spam_likely")
    at(account, 3, "3", attestation="A", attestation_valid=False)
    at(account, 4, "4")
    at(account, 5, "5", direction="outgoing", attestation="B")  # what we vouch for says nothing of whoever calls
    at(account, 6, "6", from_number="+13125550188", attestation="B")
    found = history.trust_in(FROM)
    assert (found.calls, sorted(found.vouched)) == (
        4,
        [("A", 1), ("C", 1), ("not told", 1), ("signature not in order", 1)],
    )
    assert sorted(found.screened) == [("found nothing", 1), ("not told", 2), ("spam likely", 1)]
    text = " ".join(browser.get(page(call, "number")).content.decode().split())
    assert "in its last 4 calls to us" in text
    assert 'title="spam likely">spam likely</span>' in text


def test_a_number_that_never_called_us_is_vouched_for_by_nobody(browser: Client, account: TelnyxAccount) -> None:
    call = at(account, 1, "1", direction="outgoing", to_number="+13125550177")
    assert "vouched" not in browser.get(page(call, "number")).content.decode()


@pytest.mark.alone("the same number calls another account, too")
def test_its_trust_takes_one_statement_however_many_calls(
    account: TelnyxAccount, django_assert_num_queries: Any
) -> None:
    for minutes in range(120):
        at(account, minutes, f"leg {minutes}")
    with django_assert_num_queries(1):
        assert history.trust_in(FROM).calls == 100
