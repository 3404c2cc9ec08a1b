"""Wakes the work that processing an event left to be done."""

from collections.abc import Callable

from portal.runtime.wakeups import wake
from voice.dispatch import reconciliation, sender
from voice.events import processing
from voice.wakeups import wake_commands, wake_event


def wake_following(following: processing.FollowUp, commands: Callable[..., None] = wake_commands) -> None:
    """Wake what processing left to be done: commands, events, a pull, the settling of an uncertain command.

    What is begun is sent here. Telnyx takes its time, so others are woken before.
    """
    for event_id in following.events:
        wake_event(event_id)
    if following.pull_account:
        wake("applications.pull_account", following.pull_account)
    if following.begun:
        wake_commands(*sender.send_begun(following.begun))
    commands(*following.commands)
    if following.may_answer:
        reconciliation.settle_from_event(following.may_answer)
