"""Talks to Telnyx: one client, its errors, the parameters that the SDK knows."""

__all__ = [
    "account_sids",
    "client",
    "connection_check",
    "error_codes",
    "errors",
    "form_bodies",
    "paging",
    "patience",
    "schemas",
    "sdk_types",
]
