"""Dials that people called off, or said that they did not happen: told as such, and not as a limit of the portal."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from portal.models import TelnyxAccount
from tests.support.commands import dial, seen
from tests.support.factories import CONNECTION
from tests.support.reconciliation import dialled, entry, look
from tests.support.rest import COMMANDS
from tests.support.rows import CallCommand
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from tests.voice.explanations.test_card import card

pytestmark = pytest.mark.django_db


def told(browser: Client, command: CallCommand) -> str:
    assert seen(command).status == "expired"
    words = " ".join(card(browser, f"/admin/voice/callcommand/{command.pk}/change/").split())
    assert "limit" not in words.lower()
    return words


def test_one_that_somebody_said_did_not_happen_was_sent(
    browser: Client, api: APIClient, account: TelnyxAccount
) -> None:
    command = dialled(account)
    verdict = {"verdict": "it_did_not"}
    assert api.post(f"{COMMANDS}{command.pk}/settle/", verdict, format="json").status_code == 200
    words, said = told(browser, command), "Settled by token: tests: it did not happen."
    assert f"Sent, without an answer, and counted as not carried out. {said}" in words
    assert "Not sent" not in words
    assert "certain:" not in words


def test_one_that_a_stop_called_off_says_so(browser: Client, api: APIClient, account: TelnyxAccount) -> None:
    command = dial(account, CONNECTION)
    assert api.post("/api/v1/stops/", {"account": account.name}, format="json").status_code == 202
    assert "Not sent: All outgoing calls were stopped by token: tests." in told(browser, command)


def test_one_that_somebody_dropped_says_so(browser: Client, account: TelnyxAccount) -> None:
    command = dial(account, CONNECTION)
    assert browser.post(f"/admin/stuck/command/drop/{command.pk}/").status_code == 302
    assert "Not sent: user: operator said that it is not to be sent any more." in told(browser, command)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"telnyx_error": {"error_code": "D13"}}, "refused it, the destination's country is not allowed"),
        ({"errors": [{"code": "90041"}]}, "refused it, the limit of calls at once of the account is reached."),
        ({"errors": [{"code": "12345"}]}, "refused it: Telnyx's record says so (code 12345)."),
        ({"status": "failed"}, "refused it: Telnyx's record says so."),
    ],
)
def test_one_that_telnyxs_record_has_as_refused_says_why_and_not_that_its_answer_was_lost(
    browser: Client, account: TelnyxAccount, record: dict[str, Any], words: str
) -> None:
    command = dialled(account)
    line = entry("command", "dial", command_id=str(command.pk), **record)
    with telnyx_says(account, call_events={"data": [line], "meta": {"total_pages": 1}}):
        assert look(command).status == "refused"
    said = " ".join(card(browser, f"/admin/voice/callcommand/{command.pk}/change/").split())
    assert f"Never placed: Telnyx {words}" in said
    assert "It may have acted" not in said


def test_one_that_no_request_could_be_made_of_is_not_told_as_refused_by_telnyx(
    browser: Client, account: TelnyxAccount
) -> None:
    command = dial(account, CONNECTION)
    tried = {"at": ago(9).isoformat(), "http_status": None, "ms": 1, "code": None, "outcome": "refused"}
    error = "A secret of this command cannot be read: its key is gone."
    CallCommand.objects.filter(pk=command.pk).update(status="refused", error=error, attempts=[tried])
    said = " ".join(card(browser, f"/admin/voice/callcommand/{command.pk}/change/").split())
    assert f"Not sent: {error}" in said
    assert "Telnyx refused it" not in said
