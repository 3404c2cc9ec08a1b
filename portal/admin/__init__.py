"""Provides the admin site, and the core's own pages."""

__all__ = ["filters", "navigation", "pages", "saved_filter_views", "site"]
