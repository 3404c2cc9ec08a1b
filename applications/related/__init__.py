"""Reads phone numbers and outbound voice profiles of an application from Telnyx; keeps how many, and none of them."""

__all__ = ["api", "numbers", "panels"]
