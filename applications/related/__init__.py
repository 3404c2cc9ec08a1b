"""Phone numbers and outbound voice profiles of an application, read from Telnyx and kept nowhere."""

__all__ = ["api", "numbers", "panels"]
