"""REST of both kinds of application, and of pulls."""

__all__: list[str] = []
