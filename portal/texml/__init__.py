"""Knows TeXML: what a document may say, whether it says that, and how it is filled for one caller."""

__all__ = ["rendering", "templates"]
