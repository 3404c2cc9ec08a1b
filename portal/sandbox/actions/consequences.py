"""Brings about what follows from what happens to a leg: services begin with the answer and end with the call."""

from collections.abc import Callable

from portal.sandbox.actions import devices
from portal.sandbox.calls import calls, machines, referrals, scenarios, scripts
from portal.sandbox.conferences import conference_actions, conferences, queues
from portal.sandbox.core.exchange import Exchange, TimerFunction
from portal.sandbox.core.store import Call
from portal.sandbox.documents import followers as documents
from portal.sandbox.documents import runner
from portal.sandbox.resources import recordings
from portal.sandbox.services import assistants, deepfakes, media, payments, streams, transcripts
from portal.sandbox.texml import legs as texml_legs
from portal.sandbox.texml import participants as texml_participants
from portal.sandbox.texml import streams as texml_streams

Follower = Callable[[Exchange, Call], None]

_FOLLOWERS: dict[str, tuple[Follower, ...]] = {
    "started": (scenarios.assign, devices.ring, texml_legs.started),
    "answering": (devices.answering,),
    "entered": (documents.entered,),
    "answered": (
        devices.answered,
        recordings.begin,
        streams.begin,
        transcripts.begin,
        assistants.begin,
        deepfakes.begin,
        conferences.begin,
        machines.begin,
        texml_legs.answered,
        texml_participants.answered,
        documents.answered,
    ),
    "bridged": (queues.bridged, recordings.begin, texml_legs.bridged, documents.bridged),
    "unbridged": (documents.unbridged,),
    "begun": (documents.begun,),
    "ending": (
        documents.ending,
        streams.hang_up,
        texml_streams.hang_up,
        assistants.hang_up,
        payments.hang_up,
        queues.hang_up,
        conferences.hang_up,
    ),
    "ended": (devices.ended, recordings.hang_up, texml_legs.ended, texml_participants.ended, documents.ended),
}
TIMERS: dict[str, TimerFunction] = {
    **assistants.TIMERS,
    **calls.TIMERS,
    **conference_actions.TIMERS,
    **conferences.TIMERS,
    **deepfakes.TIMERS,
    **machines.TIMERS,
    **media.TIMERS,
    **payments.TIMERS,
    **queues.TIMERS,
    **recordings.TIMERS,
    **referrals.TIMERS,
    **runner.TIMERS,
    **scenarios.TIMERS,
    **scripts.TIMERS,
    **streams.TIMERS,
    **texml_legs.TIMERS,
    **texml_streams.TIMERS,
    **transcripts.TIMERS,
}


def follow(exchange: Exchange, call: Call, what: str) -> None:
    """Bring about what follows from a leg's change.

    ``call`` was just ``what``: started, about to be answered (answering), answered, gathering, waiting (in a queue and
    the like), in a conference that begins (begun), speaking, bridged, unbridged, about to end (ending) or over (ended).
    """
    for follower in _FOLLOWERS.get(what, ()):
        follower(exchange, call)
    if call.alive:
        scenarios.party(exchange, call, what)
