"""Runs the portal's processes: broker, wake-ups, worker, web worker, health, logs."""

__all__ = ["datagrams", "middleware", "sqlite_broker", "timers", "wakeups", "worker"]
