"""The pages of what happens on the line."""

from voice.admin import calls, commands, events, flows

__all__ = ["calls", "commands", "events", "flows"]
