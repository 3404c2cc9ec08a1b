"""Derives one leg of a call from its events; finds it, shows it, tells its story in order."""

__all__ = [
    "admin",
    "api",
    "buttons",
    "measures",
    "projection",
    "search",
    "serializers",
    "status",
    "telnyx_record",
    "timeline",
    "waiting_events",
]
