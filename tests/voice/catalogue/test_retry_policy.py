"""How often a command may be sent: by the class of its action."""

import pytest

from voice.catalogue import retry_policy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("action", "letter"),
    [
        *((f"conferences.{name}", "A") for name in ("create", "end_conference", "join", "leave", "speak", "update")),
        *((f"conferences.record_{name}", "A") for name in ("start", "stop", "pause", "resume")),
        *((f"conferences.{name}", "B") for name in ("hold", "unhold", "mute", "unmute", "stop", "update_participant")),
        *((f"conferences.{name}", "C") for name in ("play", "gather_dtmf_audio", "send_dtmf")),
        ("queues.create", "C"),
        *((f"queues.{name}", "B") for name in ("update", "delete", "calls.update", "calls.remove")),
    ],
)
def test_each_action_is_repeated_as_its_class_allows(action: str, letter: str) -> None:
    assert retry_policy.retry_class(action).value == letter
