"""Provides what everything in the sandbox stands on: its store, its clock, its deliveries."""

__all__ = [
    "deliveries",
    "errors",
    "events",
    "exchange",
    "faults",
    "ids",
    "keys",
    "pages",
    "records",
    "requests",
    "store",
]
