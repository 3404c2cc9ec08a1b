"""Serves the documentation of this very version, offline, and knows which of its pages explains which page here."""

__all__ = ["admin", "book", "topics"]
