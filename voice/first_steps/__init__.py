"""Tells what a new account still lacks until its calls run here, by looking: nothing is ticked by hand."""

__all__ = ["steps"]
