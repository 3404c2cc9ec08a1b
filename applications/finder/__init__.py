"""Finds applications by name, id, or where their webhooks go."""

__all__ = ["sources"]
