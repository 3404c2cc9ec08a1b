"""Draws TeXML's resources in the browser, and the pages of commands to them."""

__all__: list[str] = []
