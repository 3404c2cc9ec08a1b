"""Draws a session: its legs as lanes over one axis of time, with what happened and what was sent; tells it as text."""

__all__ = ["drawing", "scene", "text"]
