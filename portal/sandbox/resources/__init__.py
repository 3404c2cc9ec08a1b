"""Serves resources of an account: applications, numbers, profiles, recordings, audit entries."""

__all__ = [
    "applications",
    "audit",
    "connections",
    "editing",
    "number_voice",
    "numbers",
    "profiles",
    "recordings",
    "stock",
]
