"""Talks to Telnyx: one client, its errors, the parameters that the SDK knows."""

__all__ = ["client", "connection_check", "error_codes", "errors", "paging", "schemas", "sdk_types"]
