"""Reads all that Telnyx has: whose it is, whole lists, pulls one at a time, stopped before a mass delete."""

__all__ = ["listing", "mass_delete", "number_counts", "one_at_a_time", "ownership", "pulls"]
