"""Serves a stateful Telnyx over HTTP, in its own process, with its state in its own SQLite file.

It imports no app and no ORM; whoever talks to it cannot tell it from Telnyx but by the address.
"""
