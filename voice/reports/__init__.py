"""Tells how calls went: counts them by the quarter of an hour, makes figures of the counts, and takes calls out as a file."""

__all__ = ["exports", "figures", "roll_ups"]
