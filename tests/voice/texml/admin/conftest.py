"""TeXML's resources as Telnyx tells them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from portal.models import TelnyxAccount
from tests.support.http_servers import Listener
from tests.support.texml_resources import CALL, ROOM, telnyx_texml, wired

AT, RECORDING = "Sat, 28 Nov 2026 09:00:00 +0000", "6dc6cc1a-1ba1-4351-86b8-4c22c95cd9aa"
CALL_ROW = {
    **{"sid": CALL, "from": "+13125550143", "to": "+442071838750", "direction": "outbound", "status": "in-progress"},
    **{"start_time": AT, "duration": "75"},
}
RECORDING_ROW = {
    **{"sid": RECORDING, "call_sid": CALL, "status": "in-progress", "duration": "62", "source": "RecordVerb"},
    **{"start_time": "2026-11-28T09:00:00Z", "channels": 2, "media_url": "https://media.example/files/a.mp3?X-Sig=1"},
}
SAID = "please call me back"
TOLD: dict[str, Any] = {
    "calls": [CALL_ROW],
    "conferences": [{"sid": ROOM, "friendly_name": "standup", "status": "in-progress", "date_created": AT}],
    "participants": [{"call_sid": CALL, "label": "ada", "muted": True, "hold": False, "status": "connected"}],
    "queues": [{"sid": "support", "current_size": 2, "max_size": 100, "average_wait_time": 33, "date_created": AT}],
    "recordings": [RECORDING_ROW],
    "transcriptions": [{"sid": "tra-1", "call_sid": CALL, "status": "completed", "transcription_text": SAID}],
}


def told(method: str, path: str) -> Any:
    """A list for an address of a list, else one resource of its kind."""
    words = [word.removesuffix(".json").lower() for word in path.split("/")]
    if words[-1] in TOLD:
        return TOLD
    return TOLD[words[-2]][0] if words[-2] in TOLD and method == "GET" else None


@pytest.fixture
def at_telnyx() -> Callable[..., Any]:
    """Makes a Telnyx that tells one of each, and an account of it; ``says`` may tell something else."""

    @contextmanager
    def make(says: Callable[[str, str], Any] = told) -> Iterator[tuple[TelnyxAccount, Listener]]:
        with telnyx_texml(says) as wire:
            yield wired(wire.url), wire

    return make
