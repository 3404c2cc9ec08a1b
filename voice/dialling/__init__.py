"""Decides whom the portal may call and how often, and calls many one after the other."""

__all__ = ["batches", "destinations", "egress", "forms", "limits", "own_numbers", "rights"]
