"""Modules of the core and of the applications that have no test file of their own, and why."""

CORE: dict[str, str] = {}
