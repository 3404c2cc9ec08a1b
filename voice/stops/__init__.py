"""Stops what goes out: suspends an account or an application, hangs up many calls at once, pauses batches with them."""

__all__ = ["service"]
