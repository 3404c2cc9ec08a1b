"""Reads phone numbers and outbound voice profiles of an application from Telnyx, and keeps them nowhere."""

__all__ = ["api", "numbers", "panels"]
