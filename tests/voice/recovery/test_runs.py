"""When Telnyx is asked for what webhooks did not bring: by the clock, by the command, by the button; one at a time."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags

from applications.models import CallControlApplication, TexmlApplication
from portal.actors import PORTAL, Actor
from portal.celery import app
from portal.models import AuditEvent, TelnyxAccount
from portal.runtime import wakeups
from portal.sandbox.server.server import Sandbox
from tests.support.accounts import make_account
from tests.support.factories import CONNECTION, make_call, make_event
from tests.support.recoveries import undelivered
from tests.support.sandbox_ledger import wire
from tests.support.telnyx_answers import telnyx_says
from tests.support.times import ago
from voice import tasks
from voice.models import Call, CallEvent, Recovery
from voice.recovery import backfill, runs

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:voice_recovery_changelist")
BUTTON = reverse("admin:voice_recovery_recover")
LINES = reverse("admin:voice_recovery_lines")


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Wake-ups are kept and not published."""
    kept: list[tuple[str, str]] = []
    monkeypatch.setattr(wakeups.publisher, "put", lambda task, identifier: kept.append((task, identifier)))
    return kept


@pytest.fixture
def reconcile() -> Callable[..., tuple[str, str]]:
    def run(*arguments: str) -> tuple[str, str]:
        out, err = StringIO(), StringIO()
        call_command("reconcile_calls", *arguments, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return run


def test_the_command_tells_in_words_what_it_found(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, reconcile: Any
) -> None:
    undelivered(sandbox, make_event("call.hangup", -600))
    undelivered(sandbox, make_event("call.answered", -600))
    out, err = reconcile()
    assert "2 failed deliveries read; 2 events recovered, 1 call ended by them." in out
    assert (out.startswith("sandbox: "), err) == (True, "")
    assert AuditEvent.objects.get().actor == "command line"
    make_account(name="other")  # nobody answers there
    out, _ = reconcile("--account", "sandbox")
    assert (out.count("\n"), "2 failed deliveries read; nothing was missing." in out) == (1, True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting takes no time here, and moves the clock all the same; what was waited for, in seconds."""
    waited: list[float] = []
    now = timezone.now

    def wait(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("voice.management.commands.reconcile_calls.time.sleep", wait)
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(seconds=sum(waited)))
    return waited


def test_the_command_waits_for_what_is_too_young_so_that_nothing_is_missing_after_it(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, reconcile: Any, clock: list[float]
) -> None:
    undelivered(sandbox, make_event("call.hangup", -600))
    undelivered(sandbox, make_event("call.answered", -30), minutes=0.5)
    out, err = reconcile()
    assert "1 delivery failed within the last two minutes" in err
    assert out.count("1 failed delivery read; 1 event recovered") == 1
    assert set(CallEvent.objects.values_list("event_type", flat=True)) == {"call.hangup", "call.answered"}
    assert 100 < sum(clock) <= 120


def test_without_waiting_the_young_are_left_to_the_next_run(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, reconcile: Any, clock: list[float]
) -> None:
    undelivered(sandbox, make_event("call.answered", -30), minutes=0.5)
    reconcile("--no-wait")
    assert (CallEvent.objects.count(), clock) == (0, [])


def test_the_command_fails_with_words_when_telnyx_cannot_be_asked(
    sandbox_account: TelnyxAccount, capsys: Any, reconcile: Any
) -> None:
    make_account(name="dead")
    with pytest.raises(CommandError, match="Not everything could be read from Telnyx"):
        call_command("reconcile_calls")
    seen = capsys.readouterr()
    assert "dead: Telnyx cannot be reached" in seen.err
    assert "not read whole (nothing was missing so far)" in seen.out
    assert "sandbox: " in seen.out
    assert dict(Recovery.objects.values_list("account__name", "state")) == {"dead": "failed", "sandbox": "done"}


def test_the_command_says_when_calls_could_not_be_asked_for(account: TelnyxAccount, capsys: Any) -> None:
    make_call(account, started_at=ago(3600))
    none = {"data": [], "meta": {"total_pages": 1}}
    said = {"webhook_deliveries": none, "active_calls": none, "call_events": none, "calls": "500 Oops"}
    with telnyx_says(account, **said), pytest.raises(CommandError, match="Not everything"):
        call_command("reconcile_calls")
    seen = capsys.readouterr()
    assert "main: Telnyx could not be read" in seen.err
    assert "0 failed deliveries read; nothing was missing." in seen.out


def test_the_page_says_when_calls_could_not_be_asked_for(browser: Client, account: TelnyxAccount) -> None:
    over = {"state": "done", "finished_at": timezone.now(), "problem": "Telnyx said HTTP 500."}
    Recovery.objects.create(account=account, started_at=ago(9), seen_alive_at=ago(9), calls_lost=2, **over)
    told = "2 calls closed as lost; not every call could be asked for: Telnyx said HTTP 500."
    assert told in browser.get(LINES).content.decode()
    assert told in browser.get(PAGE).content.decode()


@pytest.mark.parametrize("since", ["", "1", "h", "-1h", "0h", "1w", "1h30m", "1 h", "1.5h", "٣h", "31d", "9999999999d"])
def test_a_bad_since_is_said_to_be_one(sandbox_account: TelnyxAccount, reconcile: Any, since: str) -> None:
    with pytest.raises(CommandError, match="--since"):
        reconcile(f"--since={since}")
    assert not Recovery.objects.exists()


@pytest.mark.parametrize(("since", "hours"), [("172800s", 48), ("2880m", 48), ("30h", 30), ("3d", 72)])
def test_since_is_understood_in_four_units(
    sandbox_account: TelnyxAccount, reconcile: Any, since: str, hours: int
) -> None:
    reconcile("--since", since)
    begun = Recovery.objects.get().since
    assert begun
    assert abs(timezone.now() - begun - timedelta(hours=hours)) < timedelta(seconds=30)


def test_an_unknown_account_is_named(sandbox_account: TelnyxAccount, reconcile: Any) -> None:
    with pytest.raises(CommandError, match="no account nobody"):
        reconcile("--account", "nobody")


def test_the_clock_starts_one_run_an_interval_however_many_beats_there_are(
    sandbox: Sandbox, sandbox_account: TelnyxAccount, woken: list[tuple[str, str]]
) -> None:
    for _ in range(2):  # two beats at once: nobody has begun yet
        tasks.recover_due()
    assert woken == [("voice.recover_account", str(sandbox_account.pk))] * 2
    for task, identifier in woken:
        app.tasks[task](identifier)
    assert Recovery.objects.count() == 1
    woken.clear()
    tasks.recover_due()
    assert not woken
    Recovery.objects.update(started_at=ago(5 * 60))
    tasks.recover_due()
    assert len(woken) == 1


def test_after_an_hour_without_a_beat_it_catches_up_once(sandbox: Sandbox, sandbox_account: TelnyxAccount) -> None:
    backfill.recover(sandbox_account, PORTAL, now=timezone.now() - timedelta(hours=1))
    Recovery.objects.update(started_at=ago(3600), finished_at=ago(3600))
    undelivered(sandbox, make_event(), minutes=50)
    for _ in range(3):
        tasks.recover_account(str(sandbox_account.pk))
    assert list(Recovery.objects.values_list("events_recovered", flat=True)) == [1, 0]


def test_zero_minutes_switch_the_clock_off_but_not_the_button(
    sandbox_account: TelnyxAccount, settings: Any, woken: list[tuple[str, str]]
) -> None:
    settings.RECOVERY_INTERVAL_MINUTES = 0
    tasks.recover_due()
    assert not woken
    runs.request(sandbox_account, Actor("user: ada"))
    tasks.recover_due()
    assert len(woken) == 1


def test_the_schedule_names_the_task_and_it_runs_beside_the_commands() -> None:
    entry = django_settings.CELERY_BEAT_SCHEDULE["recover events"]
    assert entry["task"] in app.tasks
    for name in ("voice.recover_due", "voice.recover_account"):
        assert app.amqp.router.route({}, name)["queue"].name == "commands"
    assert tasks.recover_account.soft_time_limit == 900


def test_a_run_that_was_killed_is_replaced_and_writes_nothing_more(
    sandbox: Sandbox, sandbox_account: TelnyxAccount
) -> None:
    killed, _ = runs.request(sandbox_account, PORTAL)
    assert runs.begin(killed)
    assert backfill.recover(sandbox_account, PORTAL) == killed  # it is thought to be at work
    assert not wire(sandbox, "/v2/webhook_deliveries")
    Recovery.objects.update(seen_alive_at=ago(130))
    assert backfill.recover(sandbox_account, PORTAL).state == "done"
    asked = len(wire(sandbox, "/v2/"))
    backfill.run(killed)  # it was only frozen, and wakes up
    assert len(wire(sandbox, "/v2/")) == asked
    killed.refresh_from_db()
    assert (killed.state, killed.problem) == ("failed", "It was interrupted.")
    assert runs.watermark(sandbox_account) == Recovery.objects.get(state="done").until


def test_a_bug_is_told_as_an_interruption_and_leaves_the_watermark(
    sandbox_account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill.open_calls, "close_lost_calls", lambda look: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backfill.recover(sandbox_account, PORTAL)
    assert (Recovery.objects.get().state, Recovery.objects.get().problem) == ("failed", "It was interrupted.")
    assert runs.watermark(sandbox_account) is None


def test_old_runs_are_forgotten_but_not_what_the_watermark_stands_on(sandbox_account: TelnyxAccount) -> None:
    for days in (50, 40):
        backfill.recover(sandbox_account, PORTAL, now=timezone.now() - timedelta(days=days))
    Recovery.objects.update(started_at=ago(40 * 86400))
    mark = runs.watermark(sandbox_account)
    sandbox_account.base_url = "http://127.0.0.1:9/v2"
    sandbox_account.save()
    assert backfill.recover(sandbox_account, PORTAL).state == "failed"
    assert (Recovery.objects.count(), runs.watermark(sandbox_account)) == (2, mark)


def test_the_button_asks_a_worker_and_the_page_shows_when_it_is_done(
    browser: Client, sandbox: Sandbox, sandbox_account: TelnyxAccount, woken: list[tuple[str, str]]
) -> None:
    shown = browser.get(PAGE).content.decode()
    assert "Telnyx was not asked for missed events yet." in shown
    assert "Recover now" in shown
    undelivered(sandbox, make_event("call.answered", -600))
    for _ in range(2):
        assert browser.post(BUTTON).status_code == 302
    assert Recovery.objects.count() == 1
    assert AuditEvent.objects.filter(action="events.recover", actor="user: operator").count() == 1
    shown = browser.get(PAGE).content.decode()
    assert "asked for; a worker will begin in a moment" in shown
    assert LINES in shown
    assert "HX-Refresh" not in browser.get(LINES)
    app.tasks[woken[0][0]](woken[0][1])
    answer = browser.get(LINES)
    assert "1 event recovered" in answer.content.decode()
    assert LINES not in answer.content.decode()  # nothing more is to come
    assert answer["HX-Refresh"] == "true"
    assert "1 event recovered" in browser.get(PAGE).content.decode()


def test_a_failure_is_shown_in_words(browser: Client, account: TelnyxAccount) -> None:
    backfill.recover(account, PORTAL)
    shown = browser.get(PAGE).content.decode()
    assert shown.count("Telnyx cannot be reached") == 2  # above the list and in it


def test_looking_and_recovering_take_their_permissions(signed_in: Any, sandbox_account: TelnyxAccount) -> None:
    looks = signed_in("voice.view_recovery")
    assert "Recover now" not in looks.get(PAGE).content.decode()
    assert looks.post(BUTTON).status_code == 403
    recovers = signed_in("voice.recover_events", username="recovers")
    assert (recovers.get(PAGE).status_code, recovers.get(LINES).status_code) == (403, 403)
    assert (recovers.get(BUTTON).status_code, recovers.post(BUTTON).status_code) == (403, 302)
    assert Recovery.objects.count() == 1


def test_the_groups_may_look_and_operators_may_recover(user_with: Any, db: None) -> None:
    may = {group: user_with(group, username=group) for group in ("Operators", "Support", "Developers")}
    assert [one.has_perm("voice.view_recovery") for one in may.values()] == [True, True, True]
    assert [one.has_perm("voice.recover_events") for one in may.values()] == [True, False, False]


@pytest.mark.parametrize("model", [CallControlApplication, TexmlApplication])
def test_an_applications_page_says_when_it_was_heard_and_what_was_recovered(
    browser: Client, account: TelnyxAccount, model: type[CallControlApplication]
) -> None:
    here = {"account": account, "telnyx_id": CONNECTION}
    row = model.objects.create(**here)
    page = reverse(f"admin:applications_{model._meta.model_name}_change", args=[row.pk])
    assert "Nothing has been heard of it yet" in browser.get(page).content.decode()
    store(account, "backfill", 60)
    store(account, "backfill", 25 * 3600)
    store(account, "webhook", 30, status="dead")
    store(account, "webhook", 40, connection_id="another")
    shown = text(browser.get(page))
    assert "Nothing has been heard of it yet" in shown
    assert "1 event recovered in the last 24 hours: no webhook had brought it." in shown
    store(account, "webhook" if model is CallControlApplication else "texml", 3 * 60)
    store(account, "webhook", 4 * 60)
    store(account, "backfill", 30)
    answer = browser.get(page)
    assert "Last heard from Telnyx 3 minutes ago; 2 events recovered in the last 24 hours" in text(answer)
    events = f"{reverse('admin:voice_callevent_changelist')}?source__exact=backfill&connection_id={CONNECTION}"
    assert events.replace("&", "&amp;") in answer.content.decode()
    assert {event.source for event in browser.get(events).context["cl"].result_list} == {"backfill"}
    assert len(browser.get(events).context["cl"].result_list) == 3


def test_the_page_of_a_lost_call_says_so(browser: Client, account: TelnyxAccount) -> None:
    call = make_call(account, state=Call.State.LOST, ended_at=ago(1))
    shown = text(browser.get(reverse("admin:voice_call_change", args=[call.pk])))
    assert "its end is not known" in shown


def store(account: TelnyxAccount, source: str, seconds: float, **columns: Any) -> None:
    told = {"event_type": "call.answered", "status": "processed", "connection_id": CONNECTION, "body": b"{}"} | columns
    key = f"{source} {seconds}"
    CallEvent.objects.create(account=account, source=source, received_at=ago(seconds), dedupe_key=key, **told)


def text(answer: Any) -> str:
    """Without tags and with single spaces."""
    return " ".join(strip_tags(answer.content.decode()).replace("\xa0", " ").split())
