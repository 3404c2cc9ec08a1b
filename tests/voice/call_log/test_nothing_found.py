"""Where no call is found, the list says what was looked at, and shows the dials that never became one."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.call_pages import LOG
from tests.support.factories import CONNECTION, make_call
from tests.support.rows import CallCommand
from voice.call_log import listing, nothing_found, query
from voice.commands import outbox

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it searches what there is, of every account")]
TO = "+442071838750"


def refused(account: TelnyxAccount, to: Any = TO) -> CallCommand:
    """A dial that Telnyx refused."""
    command = outbox.dial(account, {"connection_id": CONNECTION, "from": "+13125550199", "to": to}, PORTAL)
    told = {"status": "refused", "error": f"Dialing {to} is not allowed D13", "finished_at": timezone.now()}
    CallCommand.objects.filter(pk=command.pk).update(**told)
    return command


@pytest.mark.parametrize("text", [TO, "8750", "to:8750", "number:+44 20 7183 8750", "from:+13125550199"])
def test_a_refused_dial_is_found_by_its_numbers(browser: Client, account: TelnyxAccount, text: str) -> None:
    command = refused(account)
    quoted = text if " " not in text else 'number:"+44 20 7183 8750"'
    page = browser.get(LOG, {"q": quoted}).content.decode()
    assert "Dials that never became a call" in page
    assert f"/admin/voice/callcommand/{command.pk}/change/" in page
    assert "D13" in page


def test_a_refused_dial_of_texml_is_found_as_well(browser: Client, account: TelnyxAccount) -> None:
    told = {"action": "texml.calls.dial", "parameters": {"From": "+13125550199", "To": TO}}
    CallCommand.objects.filter(pk=refused(account).pk).update(**told)
    page = browser.get(LOG, {"q": f"to:{TO}"})
    ((_, called),) = page.context["dials"].shown
    assert (called, page.context["counts"][0].number) == (TO, 1)


def test_of_two_numbers_of_one_kind_either_is_found(account: TelnyxAccount, operator: User) -> None:
    refused(account)
    for text, many in ((f"to:{TO} to:+442071838751", 1), (f"to:{TO} from:+13125550198", 0)):
        found = nothing_found.dials(query.read(text, operator), operator)
        assert found
        assert len(found.shown) == many, text


def test_one_of_several_numbers_is_found(account: TelnyxAccount, operator: User) -> None:
    refused(account, to=["+13125550001", TO])
    found = nothing_found.dials(query.read(TO, operator), operator)
    assert found
    assert len(found.shown) == 1


def test_who_sees_no_number_is_told_none_and_finds_by_four_digits_alone(signed_in: Any, account: TelnyxAccount) -> None:
    refused(account)
    client = signed_in("voice.view_call", "voice.view_callcommand")
    page = client.get(LOG, {"q": "8750"}).content.decode()
    assert "Dials that never became a call" in page
    assert "2071838750" not in page.replace(" ", "")
    # what is no number is not searched for as one, and so neither noted nor limited
    for piece in ("18387", "0718387", "838750", "x38750", "x83", "38750@x"):
        assert "Dials that never became a call" not in client.get(LOG, {"q": piece}).content.decode(), piece


@pytest.mark.parametrize("sees", [True, False])
def test_four_last_digits_are_four_also_where_they_begin_with_0(
    signed_in: Any, account: TelnyxAccount, sees: bool
) -> None:
    refused(account, to="+442071837143")
    wanted = refused(account, to="+442071830143")
    right = ("voice.view_full_number",) if sees else ()
    page = signed_in("voice.view_call", "voice.view_callcommand", *right).get(LOG, {"q": "0143"})
    assert [command.pk for command, _ in page.context["dials"].shown] == [wanted.pk]


def test_who_may_not_see_commands_is_shown_none(signed_in: Any, account: TelnyxAccount) -> None:
    refused(account)
    page = signed_in("voice.view_call", "voice.view_full_number").get(LOG, {"q": TO}).content.decode()
    assert "No call" in page
    assert "never became" not in page


def test_a_search_within_a_window_can_be_made_everywhere(browser: Client, account: TelnyxAccount) -> None:
    make_call(account, "a", started_at=timezone.now() - timedelta(days=3))
    page = browser.get(LOG, {"q": "0101 since:1h"})
    assert "Search everything" in page.content.decode()
    assert page.context["everywhere"] == "/admin/voice/call/?q=0101"
    assert len(browser.get(page.context["everywhere"]).context["rows"]) == 1


@pytest.mark.parametrize(("since", "is_cut"), [("1h", True), ("2m", False)])
def test_within_a_window_it_is_told_as_well_how_far_back_it_was_looked(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, since: str, is_cut: bool
) -> None:
    monkeypatch.setattr(listing, "_REACH", 3)
    monkeypatch.setattr(listing, "ROUNDS", 1)
    now = timezone.now()
    for at in range(9):
        make_call(account, f"{at}", call_session_id="", started_at=now - timedelta(minutes=at))
    page = browser.get(LOG, {"q": f"dir:outgoing since:{since}"}).content.decode()
    assert "No call" in page
    assert ("The calls back to" in page, "The calls of this time were" in page) == (is_cut, not is_cut)


def test_an_empty_log_says_where_calls_come_from(browser: Client) -> None:
    assert "A call appears with its first webhook" in browser.get(LOG).content.decode()
