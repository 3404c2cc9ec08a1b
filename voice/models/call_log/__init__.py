"""Holds the rows around the call log: what was recorded, written, chosen, counted and taken out."""

__all__ = ["bulk_actions", "columns", "contacts", "exports", "notes", "recordings", "roll_ups"]
