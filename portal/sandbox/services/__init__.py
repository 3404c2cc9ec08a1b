"""Runs services in a call: media, streams, transcription, assistants, payment; tells how it sounded, whom to trust."""

__all__ = ["assistants", "deepfakes", "media", "payments", "quality", "sockets", "streams", "transcripts", "trust"]
