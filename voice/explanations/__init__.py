"""Says why a call ended: reads the facts from rows or from a file, has them judged, keeps the verdict at the call."""

__all__ = ["card", "rows"]
