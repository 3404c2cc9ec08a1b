"""Serves HTTP: the server, its routes, its page and its remote control."""

__all__ = ["server"]
