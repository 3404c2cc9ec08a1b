"""Runs stored events again, and says before what that would change."""

__all__ = ["event_links"]
