"""Imports each room's pages, so that Django registers them."""

from voice.alerts import admin as alerts
from voice.calls import admin as calls
from voice.conferences import admin as conferences
from voice.dialling import admin as batches
from voice.dialling import limits_admin
from voice.dispatch import admin as commands
from voice.documents import admin as documents
from voice.flows import admin as flows
from voice.inbox import admin as inbox
from voice.inbox import event_admin
from voice.recovery import admin as recoveries
from voice.replay import admin as replays

__all__ = [
    "alerts",
    "batches",
    "calls",
    "commands",
    "conferences",
    "documents",
    "event_admin",
    "flows",
    "inbox",
    "limits_admin",
    "recoveries",
    "replays",
]
