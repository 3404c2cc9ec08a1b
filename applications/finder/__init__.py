"""Finds applications by name, id."""

__all__ = ["sources"]
