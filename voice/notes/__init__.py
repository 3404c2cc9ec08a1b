"""Keeps what people add to calls: notes, tags, follow-ups, names of numbers; and shows a number's other calls."""

__all__ = ["contacts", "notes", "tags"]
