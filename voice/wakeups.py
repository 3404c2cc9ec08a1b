"""Wakes workers, by names of tasks alone. Messages carry ids; the work is in the rows."""

import uuid

from portal.runtime.wakeups import wake


def wake_recovery(account_id: uuid.UUID) -> None:
    wake("voice.recover_account", account_id)


def wake_replay(replay_id: uuid.UUID) -> None:
    wake("voice.work_replay", replay_id)


def wake_bulk_action(action_id: uuid.UUID) -> None:
    wake("voice.work_bulk_action", action_id)


def wake_event(event_id: uuid.UUID) -> None:
    wake("voice.process_event", event_id)


def wake_commands(*command_ids: uuid.UUID) -> None:
    wake("voice.send_command", *command_ids)
