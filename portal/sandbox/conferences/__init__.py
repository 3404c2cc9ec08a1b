"""Plays conferences and queues."""

__all__ = ["conference_actions", "conferences", "participants", "queue_calls", "queues"]
