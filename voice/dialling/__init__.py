"""Whom may be called, how often, and many one after the other."""

__all__ = ["batches", "destinations", "forms", "limits"]
