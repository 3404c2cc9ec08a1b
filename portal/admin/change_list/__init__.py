"""Is the list of a model's rows: what narrows it, how it is paged, and which columns it has."""

__all__ = ["columns", "listing", "paging"]
