"""Is the list of calls: the language of its search box, rows, filters, views, and what is done with many at once."""

__all__ = ["conditions", "query", "tokens"]
