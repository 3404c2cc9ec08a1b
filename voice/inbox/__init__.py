"""Why nothing arrives."""

__all__: list[str] = []
