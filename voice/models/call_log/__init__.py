"""Holds the rows around the call log: what is counted of it, what was taken out of it."""

__all__ = ["exports", "roll_ups"]
