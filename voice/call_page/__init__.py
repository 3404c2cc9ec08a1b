"""Shows one call from top to bottom: why it ended, its facts, its picture, what was said, how its webhooks came."""

__all__ = ["bundle", "picture", "session", "summary", "verdict"]
