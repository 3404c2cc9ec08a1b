"""Keeps TeXML's resources: what Telnyx tells of them when asked, and commands to them."""

__all__ = [
    "calls",
    "conferences",
    "evidence",
    "listings",
    "queues",
    "recordings",
    "requests",
    "secrets",
    "transcriptions",
]
