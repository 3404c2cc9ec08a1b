"""Holds the rows around the call log."""

__all__ = ["columns"]
