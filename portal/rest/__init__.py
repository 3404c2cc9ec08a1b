"""Gives every REST view what all of them share."""

__all__ = ["authentication", "filters", "pagination", "problem_bodies", "problems", "serializers", "viewsets"]
