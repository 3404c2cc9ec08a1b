"""How often a command may be sent: by the class of its action."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from voice.catalogue import retry_policy

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("action", "letter"),
    [
        *((name, "A") for name in ("dial", "answer", "speak", "transfer", "hangup", "bridge", "start_recording")),
        *((name, "B") for name in ("update_client_state", "switch_supervisor_role")),
        *(("start_siprec", "C"), ("pay", "D")),
        *((f"conferences.{name}", "A") for name in ("create", "end_conference", "join", "leave", "speak", "update")),
        *((f"conferences.record_{name}", "A") for name in ("start", "stop", "pause", "resume")),
        *((f"conferences.{name}", "B") for name in ("hold", "unhold", "mute", "unmute", "stop", "update_participant")),
        *((f"conferences.{name}", "C") for name in ("play", "gather_dtmf_audio", "send_dtmf")),
        ("queues.create", "C"),
        *((f"queues.{name}", "B") for name in ("update", "delete", "calls.update", "calls.remove")),
        *((f"texml.calls.{name}", "B") for name in ("hang_up", "update_recording", "stop_siprec", "stop_stream")),
        *((f"texml.{name}.delete", "B") for name in ("queues", "recordings", "transcriptions")),
        *((f"texml.{name}", "B") for name in ("conferences.end", "participants.remove", "participants.update")),
        *(("texml.queues.update", "B"), ("texml.calls.dial", "E"), ("texml.queues.create", "E")),
    ],
)
def test_each_action_is_repeated_as_its_class_allows(action: str, letter: str) -> None:
    assert retry_policy.retry_class(action).value == letter


@pytest.mark.parametrize(
    ("action", "seconds"),
    [
        *((name, 20) for name in ("answer", "reject", "dial")),
        *((name, 15) for name in ("speak", "gather", "gather_using_speak", "gather_using_audio", "start_playback")),
        *(("hangup", 300), ("transfer", 30), ("send_dtmf", 30), ("conferences.mute", 30)),
    ],
)
def test_each_action_makes_sense_for_so_long(action: str, seconds: int) -> None:
    assert retry_policy.freshness(action) == timedelta(seconds=seconds)


def every(step: Callable[[datetime, datetime], datetime | None]) -> list[float]:
    """The seconds since the beginning at which ``step`` says that it is time, one after the other."""
    begin = now = timezone.now()
    found = []
    while later := step(begin, now):
        found.append((later - begin).total_seconds())
        now = later
    return found


def test_resends_and_looks_have_their_times_and_an_end() -> None:
    assert every(lambda begin, now: retry_policy.next_resend("speak", begin, now)) == [0.5, 1.5, 4, 10, 25]
    assert every(lambda begin, now: retry_policy.next_resend("start_siprec", begin, now)) == []
    assert every(retry_policy.next_look) == [5, 30, 120, 300, 900]
    assert timedelta(seconds=60) > retry_policy.WINDOW  # Telnyx's own


@pytest.mark.parametrize(
    ("action", "once", "in_window"),
    [
        *(("speak", False, True), ("pay", False, True), ("start_siprec", True, True), ("texml.calls.dial", True, True)),
        *((name, False, False) for name in ("conferences.hold", "recordings.delete", "texml.recordings.delete")),
    ],
)
def test_what_sets_a_state_may_be_repeated_at_any_time(action: str, once: bool, in_window: bool) -> None:
    assert (retry_policy.is_sent_once(action), retry_policy.needs_window(action)) == (once, in_window)
