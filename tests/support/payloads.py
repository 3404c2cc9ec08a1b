"""The webhook bodies under ``tests/voice/events/payloads``: one per event type, with the source it is composed from.

Their times are of one morning: ``MORNING`` is what the clock has to say for them to be news.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAYLOADS = Path(__file__).parent.parent / "voice" / "events" / "payloads"
MORNING = datetime(2026, 11, 20, 9, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Body:
    """``event_type`` is told by the file's name; ``raw`` are the bytes as Telnyx would send them."""

    event_type: str
    source: str
    raw: bytes
    file: str


def call_control() -> list[Body]:
    """``<event type>.json``: ``{"source": …, "body": …}``."""
    return [
        Body(path.stem, found["source"], json.dumps(found["body"]).encode(), path.stem)
        for path in sorted((PAYLOADS / "call_control").glob("*.json"))
        if (found := json.loads(path.read_text()))
    ]


def texml() -> list[Body]:
    """``<event type without texml.>[-variant].txt``: a comment with the source, then the form in one line."""
    found = []
    for path in sorted((PAYLOADS / "texml").glob("*.txt")):
        source, form = path.read_text().splitlines()
        event_type = f"texml.{path.stem.partition('-')[0]}"
        found.append(Body(event_type, source.removeprefix("# Source: "), form.encode(), f"texml.{path.stem}"))
    return found


def named(file: str) -> Body:
    """The one of that name: ``call.hangup``, ``texml.call.completed-busy``."""
    return next(body for body in [*call_control(), *texml()] if body.file == file)
