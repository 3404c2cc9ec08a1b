"""Empties the outbox: sends and resends commands, and settles the uncertain ones."""

__all__ = ["circuit_breaker", "reconciliation", "sender"]
