"""Hosts TeXML documents: drafts, versions, publishing, serving them to Telnyx, and what was fetched."""

__all__ = ["cases", "diffs", "serializers", "service", "serving", "usage"]
