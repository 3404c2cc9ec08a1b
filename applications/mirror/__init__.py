"""Mirrors what Telnyx has, read and stored: pulls, drift, history."""

__all__ = ["change_authors", "drift", "progress", "pulls", "store", "versions"]
