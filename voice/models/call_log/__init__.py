"""Holds the rows beside calls: what was recorded of them, what people wrote about them."""

__all__ = ["contacts", "notes", "recordings"]
