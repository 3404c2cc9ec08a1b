"""Tells what is suspended here: an account or an application whose rules, dials and batches stop."""

__all__ = ["standing"]
