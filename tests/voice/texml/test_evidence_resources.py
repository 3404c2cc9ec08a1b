"""What Telnyx's resources show of an uncertain TeXML command, and a state that is read before it is set again."""

import json
from email.utils import format_datetime
from typing import Any

import pytest

from portal.actors import PORTAL
from portal.models import TelnyxAccount
from tests.support.commands import made_uncertain, seen
from tests.support.http_servers import answer
from tests.support.reconciliation import awaits_the_next_look, look
from tests.support.rows import CallCommand
from tests.support.texml_resources import CALL, QUEUE, ROOM, of_call, telnyx_texml
from tests.support.times import ago
from voice.dispatch import sender
from voice.texml import conferences, queues

pytestmark = pytest.mark.django_db
BEGAN, BEFORE = "29 s ago", "90 s ago"


READ_BACK: list[tuple[str, list[str], dict[str, Any], Any, bool]] = [
    ("texml.calls.hang_up", [CALL], {"Status": "completed"}, {"status": "completed"}, True),
    ("texml.calls.hang_up", [CALL], {"Status": "completed"}, {"status": "in-progress"}, False),
    ("texml.calls.hang_up", [CALL], {"Status": "completed"}, 404, False),
    (
        *("texml.calls.record", [CALL], {}),
        {"recordings": [{"source": "StartCallRecordingAPI", "start_time": BEGAN}]},
        True,
    ),
    ("texml.calls.record", [CALL], {}, {"recordings": [{"source": "DialVerb", "start_time": BEGAN}]}, False),
    (
        *("texml.calls.record", [CALL], {}),
        {"recordings": [{"source": "StartCallRecordingAPI", "start_time": BEFORE}]},
        False,
    ),
    (
        *("texml.calls.update_recording", [CALL, "rec-1"], {"Status": "paused"}),
        {"recordings": [{"sid": "rec-1", "status": "paused"}]},
        True,
    ),
    (
        *("texml.calls.update_recording", [CALL, "rec-1"], {"Status": "stopped"}),
        {"recordings": [{"sid": "rec-1", "status": "completed"}]},
        True,
    ),
    (
        *("texml.calls.update_recording", [CALL, "rec-1"], {"Status": "paused"}),
        {"recordings": [{"sid": "rec-2", "status": "paused"}]},
        False,
    ),
    ("texml.conferences.end", [ROOM], {"Status": "completed"}, {"status": "completed"}, True),
    ("texml.conferences.end", [ROOM], {"Status": "completed"}, {"status": "in-progress"}, False),
    ("texml.participants.update", [ROOM, "ada"], {"Muted": True}, {"muted": True, "hold": False}, True),
    ("texml.participants.update", [ROOM, "ada"], {"Muted": True, "Hold": True}, {"muted": True, "hold": False}, False),
    ("texml.participants.update", [ROOM, "ada"], {"BeepOnExit": True}, {"muted": True}, False),
    ("texml.participants.remove", [ROOM, "ada"], {}, 404, True),
    ("texml.participants.remove", [ROOM, "ada"], {}, {"status": "connected"}, False),
    ("texml.queues.update", [QUEUE], {"MaxSize": 5}, {"max_size": 5}, True),
    ("texml.queues.update", [QUEUE], {"MaxSize": 5}, {"max_size": 6}, False),
    ("texml.queues.delete", [QUEUE], {}, 404, True),
    ("texml.queues.delete", [QUEUE], {}, {"sid": QUEUE}, False),
    ("texml.recordings.delete", ["rec-1"], {}, {"status": "deleted"}, True),
    ("texml.transcriptions.delete", ["tra-1"], {}, {"status": "completed"}, False),
    ("texml.calls.redirect", [CALL], {"Texml": "<Response/>"}, {"status": "in-progress"}, False),
]


def says(told: Any) -> Any:
    told = json.loads(json.dumps(told).replace(BEGAN, ago(29).isoformat()).replace(BEFORE, ago(90).isoformat()))
    gone = answer("404 No", b'{"errors":[{"detail":"Resource not found"}]}')
    return lambda method, path: (gone if told == 404 else told) if method == "GET" else None


@pytest.mark.parametrize(("action", "path", "values", "told", "settles"), READ_BACK)
def test_the_state_at_telnyx_settles_what_it_shows(
    account: TelnyxAccount, action: str, path: list[str], values: dict[str, Any], told: Any, settles: bool
) -> None:
    command = of_call(account, action, path, values)
    with telnyx_texml(says(told)) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        command = look(command)
        assert not [raw for raw in server.requests if raw.startswith(b"POST")]
    words = "Settled from the state at Telnyx." if settles else ""
    assert (command.status, command.settlement) == ("ok" if settles else "uncertain", words)
    assert settles or awaits_the_next_look(command)


def test_that_the_account_is_missing_settles_nothing(account: TelnyxAccount) -> None:
    """A wrong account SID makes everything seem deleted."""
    command = of_call(account, "texml.queues.delete", [QUEUE], {})
    missing = answer("404 No", b'{"errors":[{"code":"10005","detail":"Resource not found"}]}')
    with telnyx_texml(lambda method, path: missing) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        assert look(command).status == "uncertain"


def test_a_queue_that_was_made_since_is_its_queue(account: TelnyxAccount) -> None:
    made = made_uncertain(queues.create(account, {"FriendlyName": QUEUE}, PORTAL))
    old = made_uncertain(queues.create(account, {"FriendlyName": "old"}, PORTAL))
    mail = format_datetime(ago(29))
    told = {QUEUE: {"date_created": mail}, "old": {"date_created": format_datetime(ago(900))}}
    with telnyx_texml(lambda method, path: told[path.rpartition("/")[2]]) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        look(made)
    assert (seen(made).status, seen(old).status) == ("ok", "uncertain")


@pytest.mark.parametrize(("muted", "posts"), [(True, 0), (False, 1)])
def test_a_state_is_read_before_it_is_set_again(account: TelnyxAccount, muted: bool, posts: int) -> None:
    command = conferences.update_participant(account, ROOM, "ada", {"Muted": True}, PORTAL)
    tried = {"at": ago(2).isoformat(), "outcome": "uncertain"}
    CallCommand.objects.filter(pk=command.pk).update(status="sending", first_sent_at=ago(2), attempts=[tried])
    with telnyx_texml(lambda method, path: {"muted": muted}) as server:
        TelnyxAccount.objects.update(base_url=f"{server.url}/v2")
        sender.send(command.pk)
        assert [raw.split(b" ")[0] for raw in server.requests] == [b"GET", *[b"POST"] * posts]
    assert seen(command).status == "ok"
    assert bool(seen(command).settlement) is not bool(posts)
