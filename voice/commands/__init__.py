"""Makes commands on a person's behalf: the outbox, its confirmation page, its answers; which product a leg is of."""

__all__ = ["confirmation", "outbox", "parties", "products", "responses", "serializers"]
