"""Lists what does not go on by itself, each with its reason, and releases what nobody owns."""

__all__: list[str] = []
