"""Takes calls out as a file: what a search shows, as CSV or as lines of JSON, however many they are."""

__all__ = ["admin", "files", "formats", "service"]
