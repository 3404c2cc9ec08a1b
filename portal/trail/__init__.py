"""Tells what stands in the audit trail: in plain words, with what changed, and as a file."""

__all__ = ["changes", "export", "wording"]
