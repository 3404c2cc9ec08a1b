"""What is nobody's is not found in every part of an account, and nothing that is sent makes the sandbox fail."""

import random

import pytest
import telnyx

from portal.sandbox.server.server import Sandbox
from portal.sandbox.server.texml_routes import ROUTES
from tests.support.polling import eventually
from tests.support.sandbox_http import Http
from tests.support.sandbox_texml import FORM, Account, make_texml_application
from tests.support.webhook_receiver import Receiver

INSIDE = [
    (method, pattern.pattern.replace("\\.", ".").replace("([^/]+)", "{}"))
    for method, pattern, _ in ROUTES
    if "Accounts" in pattern.pattern
]
NONSENSE = [
    *(b"", b"{}", b"[]", b"null", b"7", b'"x"', b"{", b"\xff\x00", b'{"a": {"b": [1, null]}}'),
    *(b"Status=", b"Status[]=completed&Status=x", b"To[a]=1&To=2", b"a[b][c]=1", b"%zz=%", b"=&=&=", b"MaxSize=1e999"),
    b'{"Status": ["completed"], "Url": {}, "MaxSize": true, "FriendlyName": 1, "Label": null, "Muted": "x"}',
    b'{"To": "+13125550101", "From": "+13125550100", "ApplicationSid": {"id": 1}, "CustomHeaders": [1]}',
    b'{"FriendlyName": "\\ud800", "MaxSize": 99999999999999999999}',
    b'{"FriendlyName": "\\ud800", "Label": "\\ud800", "name": "\\ud800", "value": "x"}',
    b"CustomHeaders=" + b"[" * 900,
]


def paths(http: Http, method: str, path: str) -> str:
    sid = http("GET", "/v2/whoami")[1]["data"]["organization_id"]
    return path.replace("{}", sid, 1)


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path in INSIDE if path.count("{}") > 1])
def test_what_is_not_there_is_404_without_a_code(http: Http, method: str, path: str) -> None:
    whole = paths(http, method, path).replace("{}", "nobody")
    if whole.endswith("/Conferences/nobody/Participants") and method == "POST":
        return  # that makes a conference of this name
    assert http(method, whole, {"Status": "stopped"}) == (404, {"errors": [{"detail": "Resource not found"}]})


def test_nonsense_about_what_is_there_does_not_either(
    http: Http, sdk: telnyx.Telnyx, receiver: Receiver, sandbox: Sandbox
) -> None:
    account = Account(http, make_texml_application(sdk, receiver))
    conference = account.participant("daily", Label="one")["conference_sid"]
    eventually(
        lambda: account("GET", f"Conferences/{conference}/Participants/one")[1]["status"] == "connected",
        "somebody in it",
        sandbox.exchange,
    )
    account("POST", "Queues", {"FriendlyName": "one"})
    for body in NONSENSE:
        call = account.dial()
        recording = account("POST", f"Calls/{call}/Recordings.json", {})[1]["sid"]
        session = account("POST", f"Calls/{call}/Siprec.json", {"ConnectorName": "one"})[1]["sid"]
        stream = account("POST", f"Calls/{call}/Streams.json", {"Url": "wss://example.com"})[1]["sid"]
        known = {"Calls/{}": f"Calls/{call}", "Conferences/{}": f"Conferences/{conference}", "Queues/{}": "Queues/one"}
        known |= {"Recordings/{}": f"Recordings/{recording}", "Siprec/{}": f"Siprec/{session}"}
        known |= {"Streams/{}": f"Streams/{stream}", "Participants/{}": "Participants/one"}
        for method, path in INSIDE:
            whole = paths(http, method, path)
            for part, filled in known.items():
                whole = whole.replace(part, filled)
            for kind in (FORM, "application/json"):
                status, answer = http(method, whole, body, **{"Content-Type": kind})
                assert status < 500, (method, whole, body, kind, answer)


@pytest.mark.parametrize("seed", range(3))
def test_nonsense_never_makes_it_fail(http: Http, seed: int) -> None:
    chance = random.Random(seed)
    ids = ["nobody", "v3:x", "..", "%2F", "%00", "%FF", "😀".encode().hex(), "a%20b"]
    queries = ["", "?Page=x", "?PageToken=%FF&Page=1", "?DateCreated=%3E%3D", "?Status=&To=&PageSize=3", "?%00=1&&="]
    for method, path in [*INSIDE, ("POST", "/v2/texml/secrets"), ("POST", "/v2/texml/calls/{}")]:
        for body in NONSENSE:
            whole = paths(http, method, path) if "Accounts" in path else path
            while "{}" in whole:
                whole = whole.replace("{}", chance.choice(ids), 1)
            headers = {"Content-Type": chance.choice([FORM, "application/json", "text/plain"])}
            status, answer = http(method, whole + chance.choice(queries), body, **headers)
            assert status < 500, (method, whole, body, headers, answer)
