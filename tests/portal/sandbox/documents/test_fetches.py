"""A document is asked for with Telnyx's fields, signed, by the method that is wanted."""

import base64
from collections.abc import Callable

import pytest
import telnyx
from nacl.signing import VerifyKey

from portal.sandbox.server.server import Sandbox
from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import Account, at, make_texml_application
from tests.support.texml_runs import response
from tests.support.webhook_receiver import Receiver

OF_ALL = {"AccountSid", "CallSid", "CallSidLegacy"}


def test_requests_are_forms_and_signed(account: Account, receiver: Receiver, sandbox: Sandbox) -> None:
    receiver.documents = {
        "/voice": response('<Gather action="/sales" numDigits="1"/>'),
        "/sales": response("<Hangup/>"),
    }
    account.http.end(account.ring("texml_menu"))
    key = VerifyKey(base64.b64decode(sandbox.public_key))
    asked = [hook for hook in receiver.hooks if hook.path in ("/voice", "/sales")]
    assert len(asked) == 2
    for hook in asked:
        signature = base64.b64decode(hook.headers["telnyx-signature-ed25519"])
        key.verify(hook.headers["telnyx-timestamp"].encode() + b"|" + hook.raw, signature)


def test_the_applications_method_is_that_of_a_gathers_action(
    sdk: telnyx.Telnyx, http: Http, receiver: Receiver
) -> None:
    account = Account(http, make_texml_application(sdk, receiver, voice_method="get"))
    receiver.documents = {
        "/voice": response('<Gather action="/sales?a=b" numDigits="1"/>'),
        "/sales": response("<Hangup/>"),
    }
    http.end(account.ring("texml_menu"))
    (hook,) = [hook for hook in receiver.hooks if hook.path.startswith("/sales")]
    assert hook.raw == b""
    assert at(receiver, "/sales")[0].items() >= {"a": "b", "Digits": "1"}.items()


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ('<Gather action="/next" numDigits="1"/>', {"From", "To", "Digits"}),
        (
            '<Dial action="/next">+13125550002</Dial>',
            {"ConnectionId", "From", "To", "CallStatus"}
            | {"DialCallStatus", "DialCallDuration", "DialCallSid", "DialCallSidLegacy"},
        ),
        (
            '<Record action="/next" maxLength="2"/>',
            {"ConnectionId", "RecordingSid", "RecordingDuration", "RecordingUrl"},
        ),
        (
            '<Refer action="/next"><Sip>sip:0002@b.example</Sip></Refer>',
            {"ReferCallStatus", "Timestamp", "NotifySipResponseCode", "ReferSipResponseCode"},
        ),
        ('<Enqueue action="/next" maxWaitTimeSecs="1">q</Enqueue>', {"From", "To", "QueueResult", "QueueSid"}),
        ('<Connect action="/next"><AIAssistant id="1"/></Connect>', {"From", "To"}),
    ],
)
def test_each_action_is_told_what_came_of_its_verb(
    account: Account, receiver: Receiver, verb: str, fields: set[str]
) -> None:
    receiver.documents = {"/voice": response(verb), "/next": response("<Say>Next</Say>")}
    account.http.end(account.ring("texml_menu"))
    (form,) = at(receiver, "/next")
    assert set(form) == OF_ALL | fields


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(
    account: Account, receiver: Receiver, wait_until_told: Callable[[str], None]
) -> None:
    receiver.documents = {"/voice": response("<Say>Old</Say>"), "/new": response("<Say>New</Say>")}
    sid = account.dial()
    receiver.react = lambda hook: wait_until_told(sid) if hook.path == "/voice" else None
    account.http.end(sid)
    told = [line["line"] for line in account.http.ledger("documents")]
    assert 'Caller hears: "New"' in told
    assert 'Caller hears: "Old"' not in told


@pytest.fixture
def wait_until_told(account: Account, receiver: Receiver) -> Callable[[str], None]:
    """Gives the call other instructions while its first document is on its way."""

    def told(sid: str) -> None:
        account("POST", f"Calls/{sid}", {"Url": f"{receiver.origin}/new"})

    return told
