"""What the sandbox was asked, and what it did."""

from typing import Any

from portal.sandbox.server.server import Sandbox


def wire(sandbox: Sandbox, path: str = "/v2/calls") -> list[dict[str, Any]]:
    """What the sandbox was asked about calls, oldest first."""
    return [line for line in sandbox.store.entries("requests") if line["path"].startswith(path)]


def effects(sandbox: Sandbox) -> list[tuple[str, str]]:
    """What it did: action and outcome, oldest first."""
    return [(line["action"], line["outcome"]) for line in sandbox.store.entries("commands")]


def requests(sandbox: Sandbox, *methods: str) -> list[dict[str, Any]]:
    """What the sandbox was asked, oldest first."""
    lines = sandbox.store.entries("requests")
    return [line for line in lines if not methods or line["method"] in methods]
