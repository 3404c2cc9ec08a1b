"""Asking Telnyx for something: the outbox, its pages, its answers."""

__all__ = ["confirmation", "outbox", "responses", "serializers"]
