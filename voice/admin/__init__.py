"""The pages of what happens on the line."""

from voice.admin import alerts, batches, calls, commands, conferences, events, flows, inbox, limits, recoveries, replay

__all__ = [
    "alerts",
    "batches",
    "calls",
    "commands",
    "conferences",
    "events",
    "flows",
    "inbox",
    "limits",
    "recoveries",
    "replay",
]
