"""What every REST view shares."""

__all__ = ["filters", "pagination", "problems", "serializers", "viewsets"]
