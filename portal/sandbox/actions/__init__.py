"""Lists the call actions, and does what each does."""

__all__ = ["actions", "consequences"]
