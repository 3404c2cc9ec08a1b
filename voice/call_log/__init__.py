"""Is the list of calls: what its search means, rows, filters, views, and what is done with many at once."""

__all__ = ["listing", "query"]
