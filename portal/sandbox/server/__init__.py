"""Serves HTTP: the server, its routes and its remote control."""

__all__ = ["service"]
