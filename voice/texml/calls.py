"""Asks Telnyx about TeXML calls, and makes commands to them: dials, instructions, recordings, SIPREC, streams."""

from collections.abc import Mapping
from typing import Any

from portal.actors import Actor
from portal.models import TelnyxAccount
from portal.telnyx.schemas import InvalidParameters
from voice.commands import outbox
from voice.models import CallCommand
from voice.texml import requests

CONNECTION = "connection_id"  # of the dials whose application stands in the address


def at_telnyx(account: TelnyxAccount, query: Mapping[str, str]) -> requests.Page | None:
    """Read a page of the account's calls. Telnyx's list lags behind."""
    return requests.page(account, "texml.calls.list", query=query)


def retrieve(account: TelnyxAccount, call_sid: str) -> requests.Told | None:
    """Ask for one call: known at Telnyx until 30 days after its end."""
    return requests.fetch(account, "texml.calls.retrieve", call_sid)


def recordings(account: TelnyxAccount, call_sid: str, query: Mapping[str, str]) -> requests.Page | None:
    """Read a page of the recordings of a call."""
    return requests.page(account, "texml.calls.recordings", call_sid, query=query)


def dial(account: TelnyxAccount, parameters: Any, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued dial. The application is ``ApplicationSid``, or ``connection_id`` for Telnyx's other dial.

    Raises what ``outbox.dial`` raises.
    """
    if isinstance(parameters, dict) and CONNECTION in parameters:
        connection_id, values = _apart(parameters)
        return outbox.place(account, "texml.calls.create", values, actor, path=[connection_id], intent=intent)
    return outbox.place(account, "texml.calls.dial", parameters, actor, intent=intent)


def dial_with_assistant(account: TelnyxAccount, parameters: Any, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued dial that connects whoever answers with an AI assistant; ``connection_id`` is the application."""
    connection_id, values = _apart(parameters if isinstance(parameters, dict) else {})
    return outbox.place(account, "texml.ai_calls.create", values, actor, path=[connection_id], intent=intent)


def update(account: TelnyxAccount, call_sid: str, parameters: Any, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued end of a call (``Status`` completed), or give it other instructions (``Url`` or ``Texml``)."""
    ends = isinstance(parameters, dict) and "Status" in parameters
    action = "texml.calls.hang_up" if ends else "texml.calls.redirect"
    return outbox.place(account, action, parameters, actor, path=[call_sid], intent=intent)


def record(account: TelnyxAccount, call_sid: str, parameters: Any, actor: Actor, *, intent: str = "") -> CallCommand:
    """Make a queued beginning of a recording."""
    return outbox.place(account, "texml.calls.record", parameters, actor, path=[call_sid], intent=intent)


def update_recording(
    account: TelnyxAccount, call_sid: str, recording_sid: str, parameters: Any, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued pause, resumption or end of a recording."""
    path = [call_sid, recording_sid]
    return outbox.place(account, "texml.calls.update_recording", parameters, actor, path=path, intent=intent)


def start_siprec(
    account: TelnyxAccount, call_sid: str, parameters: Any, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued beginning of a SIPREC session."""
    return outbox.place(account, "texml.calls.start_siprec", parameters, actor, path=[call_sid], intent=intent)


def stop_siprec(
    account: TelnyxAccount, call_sid: str, siprec_sid: str, parameters: Any, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued end of a SIPREC session."""
    path = [call_sid, siprec_sid]
    return outbox.place(account, "texml.calls.stop_siprec", parameters, actor, path=path, intent=intent)


def start_stream(
    account: TelnyxAccount, call_sid: str, parameters: Any, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued beginning of a media stream."""
    return outbox.place(account, "texml.calls.start_stream", parameters, actor, path=[call_sid], intent=intent)


def stop_stream(
    account: TelnyxAccount, call_sid: str, streaming_sid: str, parameters: Any, actor: Actor, *, intent: str = ""
) -> CallCommand:
    """Make a queued end of a media stream."""
    path = [call_sid, streaming_sid]
    return outbox.place(account, "texml.calls.stop_stream", parameters, actor, path=path, intent=intent)


def _apart(parameters: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Take the application's id from the parameters, since it stands in the address."""
    connection_id = parameters.get(CONNECTION)
    if not isinstance(connection_id, str) or not connection_id:
        raise InvalidParameters({CONNECTION: ["Enter the id of the TeXML application that the call is made from."]})
    return connection_id, {name: value for name, value in parameters.items() if name != CONNECTION}
