"""Shows what Telnyx measured, vouched for and charged, and how late it told; fills these columns of old calls."""

__all__ = ["filling", "wording"]
