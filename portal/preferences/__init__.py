"""Keeps how a person wants to read: their time zone, and how dates are written."""

__all__ = ["admin", "middleware"]
