"""Draws the pages of hosted documents: the draft, publishing it, its versions and test cases, what was fetched."""

__all__: list[str] = []
