"""Keeps conferences and queues: what Telnyx tells of them, and commands to them."""

__all__ = ["projection", "queues", "service"]
