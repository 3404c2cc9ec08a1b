"""Applications as code, and as sheets: export, plan, apply."""

__all__ = ["pages"]
