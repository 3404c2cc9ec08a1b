"""Writes dates to the second, the same everywhere."""
