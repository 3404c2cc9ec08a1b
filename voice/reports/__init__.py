"""Tells how calls went: counts them by the quarter of an hour, makes figures of that, writes calls into a file."""

__all__ = ["admin", "home", "roll_ups"]
