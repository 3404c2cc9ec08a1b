"""Judges a document by the rules of one letter each; pure."""

__all__ = []
