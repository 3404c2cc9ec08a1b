"""Exports, plans and applies applications as code and as sheets."""

__all__ = ["api", "pages"]
