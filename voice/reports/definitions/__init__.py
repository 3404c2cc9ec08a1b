"""Defines the figures: what each is called, what it means in a sentence, and of which measures it is made."""

__all__ = ["catalogue", "metric", "wording"]
