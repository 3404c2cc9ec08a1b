"""Mirrors what Telnyx has, read and stored: pulls, drift, history."""

__all__ = ["answers", "change_authors", "drift", "intents", "rows", "store", "versions"]
