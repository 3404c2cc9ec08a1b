"""Runs TeXML documents: has them fetched, plays what they say, and tells their addresses what came of it."""

__all__ = ["followers", "runner", "settings"]
