"""The check that an application is silent: what shows it, and what does not."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.alerts import alert, look, only, opened, received
from tests.support.factories import CONNECTION, make_call, make_event, run_owed
from tests.support.rows import Alert, Call, CallCommand, CallEvent
from tests.support.times import ago
from tests.support.webhooks import post_webhook
from voice.alerts import rounds
from voice.commands import outbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def application(account: TelnyxAccount) -> CallControlApplication:
    ours = {"telnyx_id": CONNECTION, "webhook_event_url": account.webhook_url}
    return CallControlApplication.objects.create(account=account, application_name="line", **ours)


def carried_out(account: TelnyxAccount, action: str = "speak", minutes_ago: float = 4, leg: str = "a") -> CallCommand:
    """A command on a live call that Telnyx said yes to."""
    parameters = {"payload": "Hello", "voice": "female"} if action == "speak" else {}
    command = outbox.act(make_call(account, leg), action, parameters, PORTAL)
    at = ago(minutes_ago * 60)
    CallCommand.objects.filter(pk=command.pk).update(status="ok", created_at=at, first_sent_at=at, finished_at=at)
    return command


def test_a_command_that_brought_no_webhook_shows_that_the_application_is_silent(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    look()
    alert = only("application_silent")
    assert alert.subject == f"main/{CONNECTION}"
    assert "“line”" in alert.summary
    assert alert.link == f"/admin/applications/callcontrolapplication/{application.pk}/change/"
    look(120)
    assert only("application_silent").is_open
    assert post_webhook(Client(), account, make_event("call.hangup", leg="another")).status_code == 200
    look(121)
    assert not only("application_silent").is_open


def test_a_long_quiet_conversation_is_no_silence(account: TelnyxAccount, application: CallControlApplication) -> None:
    assert post_webhook(Client(), account, make_event("call.initiated", -1800)).status_code == 200
    CallEvent.objects.update(received_at=ago(1800))
    run_owed()
    assert Call.objects.get().is_alive
    look()
    assert opened("application_silent") == []


def test_it_is_not_silent_if_another_of_its_calls_is_heard(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    received(account, minutes_ago=2)
    look()
    assert opened("application_silent") == []


def test_a_webhook_of_another_application_says_nothing(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    received(account, minutes_ago=2, connection_id="another")
    look()
    assert opened("application_silent") == [f"main/{CONNECTION}"]


def test_a_webhook_from_before_one_was_due_says_nothing(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    received(account, minutes_ago=5)
    carried_out(account, minutes_ago=4)
    look()
    assert opened("application_silent") == [f"main/{CONNECTION}"]


@pytest.mark.parametrize(
    "action", ["dial", "answer", "hangup", "reject", "speak", "start_playback", "transfer", "enqueue"]
)
def test_each_command_that_brings_a_webhook_at_once_shows_it(
    account: TelnyxAccount, application: CallControlApplication, action: str
) -> None:
    CallCommand.objects.filter(pk=carried_out(account).pk).update(action=action)
    look()
    assert opened("application_silent") == [f"main/{CONNECTION}"]


@pytest.mark.parametrize(
    ("action", "minutes"),
    [("update_client_state", 4), ("speak", 2), ("speak", 16)],
    ids=["it brings none", "it may still come", "long ago"],
)
def test_a_command_that_need_not_have_brought_one_shows_nothing(
    account: TelnyxAccount, application: CallControlApplication, action: str, minutes: float
) -> None:
    command = carried_out(account, minutes_ago=minutes)
    CallCommand.objects.filter(pk=command.pk).update(action=action)
    look()
    assert opened("application_silent") == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"webhook_url": "https://elsewhere.example/"},
        {"webhook_urls": {"call.speak.started": "https://elsewhere.example/"}},
        {"StatusCallback": "https://elsewhere.example/"},
        {"StatusCallbacks": ["https://elsewhere.example/"]},
    ],
)
def test_a_call_whose_webhooks_were_ordered_elsewhere_shows_nothing(
    account: TelnyxAccount, application: CallControlApplication, parameters: dict[str, Any]
) -> None:
    command = carried_out(account)
    CallCommand.objects.filter(pk=command.pk).update(parameters=parameters)
    look()
    assert opened("application_silent") == []


def found_at_telnyx(account: TelnyxAccount, minutes_ago: float) -> Call:
    """As a recovery notes a call that Telnyx lists, and that nobody told of."""
    return Call.objects.create(
        account=account, call_control_id="v3:x", connection_id=CONNECTION, started_at=ago(minutes_ago * 60)
    )


def test_a_live_call_that_no_webhook_told_of_shows_it(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    call = found_at_telnyx(account, 2)
    look()
    assert opened("application_silent") == []
    Call.objects.filter(pk=call.pk).update(started_at=ago(300))
    look()
    assert "a live call in it is known only" in only("application_silent").summary


def test_a_live_texml_call_shows_nothing_since_only_its_end_need_be_told(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    Call.objects.filter(pk=found_at_telnyx(account, 5).pk).update(is_texml=True)
    look()
    assert opened("application_silent") == []


def test_a_call_that_is_over_shows_nothing(account: TelnyxAccount, application: CallControlApplication) -> None:
    Call.objects.filter(pk=found_at_telnyx(account, 5).pk).update(state="lost")
    look()
    assert opened("application_silent") == []


def test_events_of_two_calls_that_had_to_be_fetched_show_it(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    told = {"source": "backfill", "occurred_at": ago(600)}
    received(account, 5, **told)
    look()
    assert opened("application_silent") == []
    received(account, 5, **told)
    look()
    assert "had to be fetched" in only("application_silent").summary


def test_what_was_missed_while_nobody_checked_blames_no_application(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    for _ in range(2):
        received(account, 5, source="backfill", occurred_at=ago(600))
    carried_out(account, minutes_ago=10)
    found_at_telnyx(account, 10)
    now = timezone.now()
    rounds.check(now, now - timedelta(minutes=8))  # the portal was off until then
    assert opened("application_silent") == []
    rounds.check(now, now - timedelta(minutes=12))
    assert opened("application_silent") == [f"main/{CONNECTION}"]


@pytest.mark.parametrize(("seconds", "silent"), [(179, False), (181, True)])
@pytest.mark.parametrize("shown_by", ["a command", "a live call", "what was fetched"])
def test_whatever_shows_it_a_webhook_has_three_minutes_to_come(
    account: TelnyxAccount, application: CallControlApplication, shown_by: str, seconds: float, silent: bool
) -> None:
    at = ago(240)
    if shown_by == "a command":
        CallCommand.objects.filter(pk=carried_out(account).pk).update(first_sent_at=at)
    elif shown_by == "a live call":
        Call.objects.filter(pk=found_at_telnyx(account, 4).pk).update(started_at=at)
    else:
        for call in "ab":
            received(account, 4, source="backfill", occurred_at=at, call_control_id=f"v3:{call}")
    now = at + timedelta(seconds=seconds)
    rounds.check(now, now - timedelta(days=1))
    assert opened("application_silent") == ([f"main/{CONNECTION}"] if silent else [])


def test_it_is_told_since_when_and_what_shows_it(account: TelnyxAccount, application: CallControlApplication) -> None:
    carried_out(account)
    at = CallCommand.objects.get().first_sent_at
    look()
    told, why = only("application_silent"), "Telnyx has carried out commands on its calls"
    assert told.summary == f"No webhook of “line” (main) has come since {at:%H:%M:%S} UTC, and {why}."
    assert told.details == {"connection_id": CONNECTION, "silent_since": at.isoformat(), "why": why}
    assert told.account == account


def test_a_texml_application_can_be_silent_too(account: TelnyxAccount) -> None:
    carried_out(account)  # while nobody knows whose it is: a TeXML call takes no such command
    told = {"friendly_name": "menu", "voice_url": "https://documents.example/", "remote": {}}
    row = TexmlApplication.objects.create(
        account=account, telnyx_id=CONNECTION, status_callback=account.texml_url, **told
    )
    look()
    assert only("application_silent").link == f"/admin/applications/texmlapplication/{row.pk}/change/"
    TexmlApplication.objects.update(status_callback="https://other.example/")
    look(1)
    assert opened("application_silent") == []


@pytest.mark.parametrize("status", ["queued", "sending", "refused", "uncertain", "expired"])
def test_a_command_that_telnyx_has_not_said_yes_to_shows_nothing(
    account: TelnyxAccount, application: CallControlApplication, status: str
) -> None:
    CallCommand.objects.filter(pk=carried_out(account).pk).update(status=status)
    look()
    assert opened("application_silent") == []


def test_a_live_call_whose_webhooks_were_ordered_elsewhere_shows_nothing(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    ordered = carried_out(account, minutes_ago=2)
    elsewhere = {"webhook_url": "https://elsewhere.example/"}
    CallCommand.objects.filter(pk=ordered.pk).update(call=found_at_telnyx(account, 5), parameters=elsewhere)
    look()
    assert opened("application_silent") == []


def test_what_was_ordered_elsewhere_in_one_application_hides_no_other(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    other = {"telnyx_id": "77", "webhook_event_url": account.webhook_url, "application_name": "other"}
    CallControlApplication.objects.create(account=account, **other)
    ordered = carried_out(account, leg="a")
    CallCommand.objects.filter(pk=ordered.pk).update(parameters={"webhook_url": "https://elsewhere.example/"})
    carried_out(account, leg="b")
    Call.objects.filter(call_control_id="v3:b-leg").update(connection_id="77")
    look()
    assert opened("application_silent") == ["main/77"]


def test_a_call_of_an_application_that_nobody_knows_hides_none_that_is_known(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    for leg in "ab":
        carried_out(account, leg=leg)
    Call.objects.filter(call_control_id="v3:a-leg").update(connection_id="88")
    look()
    assert opened("application_silent") == [f"main/{CONNECTION}"]


@pytest.mark.parametrize(("source", "silent"), [("backfill", True), ("webhook", False)])
def test_what_the_recovery_told_of_a_live_call_is_no_webhook(
    account: TelnyxAccount, application: CallControlApplication, source: str, silent: bool
) -> None:
    call = found_at_telnyx(account, 5)
    received(account, 6, source=source, call=call, occurred_at=ago(360))
    look()
    assert opened("application_silent") == ([f"main/{CONNECTION}"] if silent else [])


def test_what_showed_it_once_shows_nothing_after_the_alert_is_over(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    look()
    assert opened("application_silent") == [f"main/{CONNECTION}"]
    for minutes, missing_since in ((1, timezone.now()), (90, None)):
        CallControlApplication.objects.update(missing_since=missing_since)
        look(minutes)
        assert opened("application_silent") == []


def test_an_application_that_does_not_speak_to_us_is_not_silent(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    look()
    assert opened("application_silent") == [f"main/{CONNECTION}"]
    CallControlApplication.objects.update(webhook_event_url="https://other.example/hook")
    look(1)
    assert opened("application_silent") == []


def test_an_application_that_is_gone_is_not_missed(account: TelnyxAccount, application: CallControlApplication) -> None:
    carried_out(account)
    look()
    CallControlApplication.objects.update(missing_since=timezone.now())
    look(1)
    assert opened("application_silent") == []


@pytest.mark.parametrize(("minutes", "silent"), [(59, True), (61, False)])
def test_a_call_that_nobody_told_of_counts_for_an_hour(
    account: TelnyxAccount, application: CallControlApplication, minutes: float, silent: bool
) -> None:
    found_at_telnyx(account, minutes)
    look()
    assert opened("application_silent") == ([f"main/{CONNECTION}"] if silent else [])


@pytest.mark.parametrize(("before", "silent"), [(20, False), (45, True)])
def test_when_such_a_call_began_is_not_known_to_the_second(
    account: TelnyxAccount, application: CallControlApplication, before: float, silent: bool
) -> None:
    found_at_telnyx(account, 5)
    received(account, minutes_ago=5 + before / 60)
    look()
    assert opened("application_silent") == ([f"main/{CONNECTION}"] if silent else [])


@pytest.mark.parametrize(
    ("calls", "received_ago", "occurred_ago", "silent"),
    [
        ("ab", 14, 59, True),
        ("ab", 16, 59, False),
        ("ab", 14, 61, False),
        ("ab", 2, 2, False),  # its webhook may be on its way
        ("aa", 14, 59, False),  # of one call a restart may have cost a delivery
    ],
)
def test_events_that_had_to_be_fetched_lately_show_it_if_they_are_of_two_calls(
    account: TelnyxAccount,
    application: CallControlApplication,
    calls: str,
    received_ago: float,
    occurred_ago: float,
    silent: bool,
) -> None:
    for call in calls:
        told = {"source": "backfill", "occurred_at": ago(occurred_ago * 60), "call_control_id": f"v3:{call}"}
        received(account, received_ago, **told)
    look()
    assert opened("application_silent") == ([f"main/{CONNECTION}"] if silent else [])


def test_events_of_three_minutes_ago_to_the_moment_show_nothing_yet(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    at = ago(240)
    for call in "ab":
        received(account, 4, source="backfill", occurred_at=at, call_control_id=f"v3:{call}")
    for seconds, silent in ((180, []), (181, [f"main/{CONNECTION}"])):
        now = at + timedelta(seconds=seconds)
        rounds.check(now, now - timedelta(days=1))
        assert opened("application_silent") == silent


def test_an_alert_that_does_not_say_since_when_keeps_no_other_from_being_found(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    alert(account, "main/7", kind="application_silent", details={"connection_id": "7"})
    carried_out(account)
    look()
    assert opened("application_silent") == [f"main/{CONNECTION}"]


def test_a_webhook_of_another_account_says_nothing_though_the_id_is_the_same(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    carried_out(account)
    CallEvent.objects.filter(pk=received(account, minutes_ago=2).pk).update(account=make_account("other"))
    look()
    assert opened("application_silent") == [f"main/{CONNECTION}"]


def test_of_two_accounts_with_an_application_of_one_id_each_is_told_of_its_own(
    account: TelnyxAccount, application: CallControlApplication
) -> None:
    other = make_account("other")
    sent = {"main": carried_out(account, minutes_ago=5), "other": carried_out(other, minutes_ago=4, leg="b")}
    CallControlApplication.objects.create(account=other, telnyx_id=CONNECTION, webhook_event_url=other.webhook_url)
    look()
    for name, command in sent.items():
        since = Alert.objects.get(subject=f"{name}/{CONNECTION}").details["silent_since"]
        assert since == CallCommand.objects.get(pk=command.pk).first_sent_at.isoformat()
