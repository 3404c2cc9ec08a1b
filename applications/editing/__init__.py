"""Creates, updates and deletes at Telnyx: the only writers of applications."""

__all__ = ["adoption", "checks", "conflict", "forms", "outcomes", "profile_field", "refusals", "service"]
