"""A recording that is really at the sandbox."""

from portal.models import TelnyxAccount
from portal.sandbox.server.server import Sandbox
from portal.telnyx.client import ask
from tests.support.factories import make_call
from tests.support.polling import eventually
from tests.support.rows import Call
from tests.support.sandbox_http import Http
from voice.recordings import service

_NOWHERE = "http://127.0.0.1:9/"  # nobody listens there: no webhook tells of it


def recorded(sandbox: Sandbox, account: TelnyxAccount) -> Call:
    """A call that ended, with a file in two channels that was asked for when no webhook had told of it."""
    body = {"application_name": "recorded", "webhook_event_url": _NOWHERE}
    connection_id = ask(account, "call_control_applications.create", **body)["data"]["id"]
    http = Http(sandbox.port, sandbox.exchange)
    control_id = http.ring(connection_id=connection_id)
    assert http.act(control_id, "answer")[0] == 200
    begun = {"format": "wav", "channels": "dual"}
    eventually(lambda: http.act(control_id, "record_start", **begun)[0] == 200, "the answer", sandbox.exchange)
    assert http.act(control_id, "record_stop")[0] == 200
    call = make_call(account, call_control_id=control_id, connection_id=connection_id, state="ended")
    eventually(lambda: service.look_up(call).count, "the file", sandbox.exchange)
    return call
