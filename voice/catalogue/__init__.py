"""Holds Telnyx's words: actions, event types, which event answers which command, how often one may be sent."""

__all__ = [
    "actions",
    "correlation",
    "endings",
    "event_types",
    "forms",
    "members",
    "retry_policy",
    "texml_documents",
    "texml_fields",
    "texml_operations",
]
