"""Tells why nothing arrives."""

__all__: list[str] = []
