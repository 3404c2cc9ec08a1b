"""One change for many applications."""

__all__ = ["pages"]
