"""An application's webhooks come here, or go to a receiver that is not ours."""

from typing import Any

import pytest
from django.utils import timezone

from applications.models import CallControlApplication, TexmlApplication
from applications.receivers import is_elsewhere, pointing_elsewhere, pointing_here, url_of, was_sent_here
from portal.models import TelnyxAccount
from tests.support.accounts import make_account

ELSEWHERE = "https://elsewhere.example/hook"


def _made(account: TelnyxAccount, telnyx_id: str, url: str = "", failover: str = "", **more: Any) -> Any:
    urls = {"webhook_event_url": url, "webhook_event_failover_url": failover}
    return CallControlApplication.objects.create(account=account, telnyx_id=telnyx_id, **urls, **more)


@pytest.fixture
def other(account: TelnyxAccount) -> TelnyxAccount:
    """Another account, with applications of the same ids that point the other way round."""
    other = make_account("other")
    _made(other, "ours", ELSEWHERE)
    _made(other, "failover", ELSEWHERE)
    _made(other, "elsewhere", other.webhook_url)
    return other


@pytest.fixture
def made(account: TelnyxAccount, other: TelnyxAccount) -> None:
    _made(account, "ours", account.webhook_url)
    _made(account, "failover", ELSEWHERE, account.webhook_url)
    _made(account, "elsewhere", ELSEWHERE)
    _made(account, "of another account", other.webhook_url)
    _made(account, "silent")
    _made(account, "gone", account.webhook_url, missing_since=timezone.now())


@pytest.mark.usefixtures("made")
def test_those_point_here_that_have_one_address_of_this_account(account: TelnyxAccount, other: TelnyxAccount) -> None:
    assert {row.telnyx_id for row in pointing_here(account)} == {"ours", "failover"}
    assert [(row.telnyx_id, row.account) for row in pointing_here(other)] == [("elsewhere", other)]


@pytest.mark.usefixtures("made")
def test_those_point_elsewhere_that_are_asked_for_and_never_send_here(account: TelnyxAccount) -> None:
    asked = ["ours", "failover", "elsewhere", "of another account", "silent", "unknown"]
    assert pointing_elsewhere(account, asked) == {"elsewhere", "of another account"}
    assert pointing_elsewhere(account, ["elsewhere"]) == {"elsewhere"}


def test_an_application_is_elsewhere_by_its_first_address(account: TelnyxAccount) -> None:
    assert not is_elsewhere(_made(account, "1", account.webhook_url))
    assert is_elsewhere(_made(account, "2", ELSEWHERE, account.webhook_url))
    assert not is_elsewhere(_made(account, "3"))
    texml = TexmlApplication(account=account, telnyx_id="4", voice_url=ELSEWHERE)
    assert not is_elsewhere(texml)
    texml.status_callback = ELSEWHERE
    assert is_elsewhere(texml)
    texml.status_callback = account.webhook_url
    assert not is_elsewhere(texml)


def test_a_delivery_was_sent_here_when_one_attempt_was(account: TelnyxAccount) -> None:
    there = {"http": {"request": {"url": ELSEWHERE}}}
    assert was_sent_here(account, [there, {"http": {"request": {"url": account.webhook_url}}}])
    assert not was_sent_here(account, [there])
    assert not was_sent_here(account, [])


@pytest.mark.parametrize("attempt", [{}, {"http": None}, {"http": {"request": "x"}}, {"http": {"request": {"url": 5}}}])
def test_an_attempt_that_tells_no_address_has_none(attempt: dict[str, Any]) -> None:
    assert url_of(attempt) is None
