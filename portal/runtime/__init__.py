"""Runs the portal's processes: broker, wake-ups, web worker, health, logs."""

__all__ = ["middleware", "sqlite_broker", "timers", "wakeups", "worker"]
