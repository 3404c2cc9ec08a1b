"""Shows one call from top to bottom: why it ended, its facts, its picture, what was said and pressed."""

__all__ = ["picture", "session", "summary", "verdict"]
