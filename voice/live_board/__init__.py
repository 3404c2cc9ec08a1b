"""Keeps the live board: what is alive by our rows beside what Telnyx lists, of Call Control and of TeXML."""

__all__: list[str] = []
