"""Edits TeXML in the browser: what its editor offers, asks for and shows. It knows no row: any text is edited alike."""

__all__ = ["draft", "forms", "pages"]
