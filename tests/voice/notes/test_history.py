"""The other calls of a call's number."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

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
    assert [row for row, _ in listed] == [after, call, before]


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
    assert [row for one in (first, second) for row, _ in one.context["rows"]] == calls
    assert FROM not in first.content.decode()
    assert "5550101" not in first.content.decode().replace("-", "")
    assert client.get(f"{page(calls[5], 'number')}?p=nonsense").status_code == 200
    assert signed_in("voice.view_callevent", username="second").get(page(calls[5], "number")).status_code == 403
