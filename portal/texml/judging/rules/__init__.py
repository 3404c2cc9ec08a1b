"""Judges a document by the rules of one letter each; pure."""

__all__ = ["attributes", "context", "flow", "links", "placeholders", "structure", "templates", "values"]
