"""Starts the processes of ``make run``, restarts what ends, stops them together. Without Django it costs little."""

__all__ = ["child", "supervisor"]
