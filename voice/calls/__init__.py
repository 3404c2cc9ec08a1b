"""One leg of a call: derived from its events, found, shown, told in order."""

__all__ = ["projection", "serializers", "status", "telnyx_record", "timeline", "waiting_events"]
