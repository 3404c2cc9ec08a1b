"""Call actions: which there are, and what each does."""

__all__ = ["actions", "consequences"]
