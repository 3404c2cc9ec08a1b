"""Mirrors what Telnyx has, read and stored: pulls, drift, history."""

__all__ = [
    "change_authors",
    "drift",
    "listing",
    "mass_delete",
    "one_at_a_time",
    "progress",
    "pulls",
    "store",
    "versions",
]
