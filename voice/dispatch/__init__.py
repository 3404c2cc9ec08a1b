"""The outbox emptied: sending, resending, settling what is uncertain."""

__all__ = ["circuit_breaker", "reconciliation"]
