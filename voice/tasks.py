"""Turns "what is to be done" into messages, at the edge. Messages carry ids; the work is in the rows."""

import uuid

from celery import shared_task
from celery.signals import worker_ready

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from portal.runtime import worker
from voice.alerts import rounds
from voice.call_log.bulk import carrying_out
from voice.catalogue import actions
from voice.dialling import own_numbers
from voice.dispatch import sender
from voice.events import processing
from voice.events.following import wake_following
from voice.recovery import backfill, runs
from voice.replay import runs as replay_runs
from voice.wakeups import wake_bulk_action, wake_commands, wake_recovery, wake_replay

PIECE_SECONDS = 5.0  # of a replay: well below the time limit of a task


@shared_task(name="voice.process_event")
def process_event(*event_ids: str) -> None:
    """Process events, mostly one, and wake what follows from them.

    On a thread that nobody else waits for, the first command of one event is sent here and now: another wake-up would
    only find another thread. A process has to be free for the next event, whatever Telnyx does.
    """
    if len(event_ids) == 1 and worker.has_time():
        wake_following(processing.process(uuid.UUID(event_ids[0]), sends=True), _send_at_once)
        return
    for following in processing.process_all([uuid.UUID(event_id) for event_id in event_ids]):
        wake_following(following)


@shared_task(name="voice.send_command")
def send_command(command_id: str) -> None:
    """Make one attempt at one command."""
    wake_commands(*sender.send(uuid.UUID(command_id)))


@shared_task(name="voice.attend_to_alerts")
def attend_to_alerts() -> None:
    """Check and notify as the sweep does: should that be dead, somebody has to notice."""
    rounds.check_and_notify()


@shared_task(name="voice.open_own_countries")
def open_own_countries() -> None:
    """Ask for the numbers of fresh live accounts, so that their rules, too, may call at home."""
    for account in own_numbers.wanted():
        own_numbers.open_own_countries(account)


@shared_task(name="voice.recover_due")
def recover_due() -> None:
    """Run the recovery of each account that is due; one that hangs keeps no other waiting."""
    for account in TelnyxAccount.objects.all():
        if runs.is_due(account):
            wake_recovery(account.pk)


@shared_task(name="voice.recover_account", soft_time_limit=900, time_limit=960)
def recover_account(account_id: str) -> None:
    """Fetch what webhooks of one account did not bring, unless somebody has just done so."""
    account = TelnyxAccount.objects.filter(pk=uuid.UUID(account_id)).first()
    if account is not None and runs.is_due(account):
        backfill.recover(account, PORTAL)


@shared_task(name="voice.work_replay")
def work_replay(replay_id: str) -> None:
    """Do a piece of a replay; the next one in a message of its own, so that live events have their turn between."""
    wake_following(replay_runs.work(uuid.UUID(replay_id), PIECE_SECONDS))
    if replay_runs.is_due(uuid.UUID(replay_id)):
        wake_replay(uuid.UUID(replay_id))


@shared_task(name="voice.work_bulk_action")
def work_bulk_action(action_id: str) -> None:
    """Do a piece of what is done for many calls; the next one in a message of its own."""
    wake_commands(*carrying_out.work(uuid.UUID(action_id), PIECE_SECONDS))
    if carrying_out.is_due(uuid.UUID(action_id)):
        wake_bulk_action(uuid.UUID(action_id))


def _send_at_once(*command_ids: uuid.UUID) -> None:
    for command_id in command_ids:
        wake_commands(*sender.send(command_id))


@worker_ready.connect
def read_the_sdk(**_: object) -> None:
    """Import the SDK, which takes seconds: not while the first caller listens to it ring."""
    actions.names()
