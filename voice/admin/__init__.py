"""The pages of what happens on the line."""

from voice.admin import batches, calls, commands, conferences, events, flows, limits

__all__ = ["batches", "calls", "commands", "conferences", "events", "flows", "limits"]
