"""Decides what an event makes happen: rules, and handlers of Python users."""

__all__ = ["handler_commands", "handlers", "rules", "versions"]
