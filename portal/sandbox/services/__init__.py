"""Runs services in a call: media, streams, transcription, assistants, payment, the detection of fakes."""

__all__ = ["assistants", "deepfakes", "media", "payments", "sockets", "streams", "transcripts"]
