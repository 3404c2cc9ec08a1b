"""Makes commands on a person's behalf: the outbox, its confirmation page, its answers."""

__all__ = ["confirmation", "outbox", "responses", "serializers"]
