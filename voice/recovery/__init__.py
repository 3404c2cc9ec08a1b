"""Fetches from Telnyx what no webhook brought, and closes calls as lost whose end is nowhere."""

__all__ = ["imports", "runs"]
