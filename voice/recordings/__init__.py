"""Knows what was recorded of calls and conferences: a row each, its file by a fresh link, its words, its end."""

__all__ = ["evidence", "listing", "projection", "service"]
