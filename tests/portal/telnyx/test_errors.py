"""What Telnyx refuses is told by field, with advice, and without numbers."""

import json

import pytest

from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxRefused, TelnyxUnavailable
from tests.support.accounts import make_account
from tests.support.http_servers import Listener, answer, serving

LIST = "call_control_applications.list"


def at(listener: Listener):
    return make_account(base_url=f"{listener.url}/v2")


def errors(*listed: dict) -> bytes:
    return json.dumps({"errors": list(listed)}).encode()


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x_ratelimit_reset": "17"}, 17),
        ({"retry_after": "3"}, 3),
        ({}, 5),
        ({"x_ratelimit_reset": "soon"}, 5),
        ({"x_ratelimit_reset": "999999"}, 60),
        ({"x_ratelimit_reset": "9" * 5000}, 60),
        ({"x_ratelimit_reset": "0"}, 1),
    ],
)
def test_too_many_requests_says_how_long_to_wait(db, headers, wait):
    with serving(answer("429 Too Many Requests", errors({"code": "10011"}), **headers)) as listener:
        with pytest.raises(TelnyxUnavailable) as caught:
            ask(at(listener), LIST)
        assert caught.value.retry_after == wait
        assert len(listener.requests) == 1


def test_a_refused_field_is_named_as_on_the_wire(db):
    listed = errors(
        {
            "code": "10015",
            "title": "Bad",
            "detail": "must be under 10",
            "source": {"pointer": "/inbound/channel_limit"},
        },
        {"code": 10015, "title": "Also bad", "source": {"pointer": "/application_name"}},
    )
    with serving(answer("422 Unprocessable Entity", listed)) as listener, pytest.raises(TelnyxRefused) as caught:
        ask(at(listener), LIST)
    assert caught.value.fields == {"inbound.channel_limit": ["must be under 10"], "application_name": ["Also bad"]}
    assert (caught.value.code, caught.value.http_status) == ("10015", 422)


def test_a_refused_key_comes_with_advice(db):
    refusal = answer("401 Unauthorized", errors({"code": "10009", "title": "Authentication failed"}))
    with serving(refusal) as listener, pytest.raises(TelnyxRefused, match="Enter a valid one on the account's page"):
        ask(at(listener), LIST)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"errors":"no"}', b'{"errors":[7]}', b"<html>"])
def test_a_refusal_without_telnyxs_envelope_is_still_a_refusal(db, body):
    with serving(answer("404 Not Found", body)) as listener, pytest.raises(TelnyxRefused, match="HTTP 404"):
        ask(at(listener), LIST)


def test_a_refusal_does_not_repeat_a_callers_whole_number(db):
    listed = errors({"code": "10015", "detail": "+13125550199 is not allowed"})
    with serving(answer("422 Unprocessable Entity", listed)) as listener, pytest.raises(TelnyxRefused) as caught:
        ask(at(listener), LIST)
    assert "+13125550199" not in str(caught.value)
    assert "0199" in str(caught.value)
