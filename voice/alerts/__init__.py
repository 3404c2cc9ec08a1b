"""Tells what is wrong: checks, alerts that open and close, notices of them."""

__all__: list[str] = []
