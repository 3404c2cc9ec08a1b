"""Draws the pages of both kinds of application."""

__all__: list[str] = []
