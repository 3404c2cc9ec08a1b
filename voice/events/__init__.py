"""Takes events from the wire to the decision: webhooks, intake, processing."""

__all__ = [
    "envelopes",
    "following",
    "intake",
    "plain_webhooks",
    "processing",
    "refusal_reasons",
    "rejections",
    "texml_callbacks",
    "webhooks",
]
