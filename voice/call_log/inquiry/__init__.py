"""Asks Telnyx for the calls that a search did not find here, and brings them in."""

__all__: list[str] = []
