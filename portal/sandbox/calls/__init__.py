"""Plays calls: dialled, played, commanded, ended, and what Telnyx's record says of them."""

__all__ = [
    "call_events",
    "callees",
    "calls",
    "commands",
    "destinations",
    "dialling",
    "limits",
    "machines",
    "referrals",
    "scenarios",
    "scripts",
]
