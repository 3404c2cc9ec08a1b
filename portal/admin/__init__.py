"""The site, and the core's own pages."""

__all__ = ["saved_filter_views", "site"]
