"""Finds what happens on the line by any id or number: calls, events, commands; flows and documents by name too."""

__all__ = ["sources"]
