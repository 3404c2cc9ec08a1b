"""Opens the door for Python users: what a module of ``EVENT_HANDLERS`` imports. See ``docs/extending.md``."""

from voice.flows.handlers import Event, Leg, Step, Wish, command, on, step

__all__ = ["Event", "Leg", "Step", "Wish", "command", "on", "step"]
