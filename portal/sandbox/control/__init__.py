"""Answers what stands beside ``/v2`` and Telnyx does not have: people, faults, the ledger, the clock, worlds."""

__all__ = ["openapi", "operations", "table", "worlds"]
