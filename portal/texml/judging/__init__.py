"""Judges what a document may say: what is wrong with it, and whom it can call and ask; pure."""

__all__ = ["destinations", "linter"]
