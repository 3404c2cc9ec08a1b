"""Serves TeXML: calls, conferences, queues and recordings under ``/texml``, and the callbacks their legs bring."""

__all__ = [
    "accounts",
    "callbacks",
    "calls",
    "conferences",
    "legs",
    "participants",
    "queues",
    "recordings",
    "streams",
]
