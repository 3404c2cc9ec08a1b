"""Streams a call's audio to an application over a WebSocket, and takes what it sends back."""

__all__ = ["codecs", "streamer"]
