"""Holds the rows around the call log: what was recorded, what people wrote, which columns they chose."""

__all__ = ["columns", "contacts", "notes", "recordings"]
