"""Does one thing for many calls of the log: those that are picked, or all that a search finds, counted first."""

__all__: list[str] = []
