"""Stored events run again."""

__all__ = ["event_links"]
