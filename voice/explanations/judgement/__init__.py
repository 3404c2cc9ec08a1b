"""Judges why a call ended, from facts alone: Telnyx's codes as data, the order of the rules, the verdict in words."""

__all__ = ["facts", "precedence", "telnyx_codes", "verdicts"]
