"""Finds anything by what somebody knows of it: each source looks in its own rows, for who may see them."""

__all__ = ["admin", "findings"]
