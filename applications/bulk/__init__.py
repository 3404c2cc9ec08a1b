"""Applies one change to many applications."""

__all__ = ["pages"]
