"""Gives every REST view what all of them share."""

__all__ = ["filters", "pagination", "problems", "serializers", "viewsets"]
