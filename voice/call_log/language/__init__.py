"""Is the language of the search box: its tokens, and what each of its words asks of the calls."""

__all__ = ["beside", "compared", "conditions", "times", "tokens"]
