"""Conferences and queues."""

__all__ = ["projection", "queues", "service"]
