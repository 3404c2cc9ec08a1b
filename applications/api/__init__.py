"""Serves both kinds of application, and pulls, over REST."""

__all__: list[str] = []
