"""Mirrors what Telnyx has, read and stored: pulls, drift, history."""

__all__ = ["answers", "change_authors", "drift", "intents", "progress", "pulls", "rows", "store", "versions"]
