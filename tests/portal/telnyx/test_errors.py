"""What Telnyx refuses is told by field, with advice, and without numbers."""

import json

import httpx
import pytest

from portal.telnyx.client import NotNow, ask
from portal.telnyx.errors import TelnyxRefused, TelnyxUnavailable, TelnyxUncertain, translate
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


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"pointer": "/inbound/channel_limit"}, "inbound.channel_limit"),
        ({"parameter": "to"}, "to"),
        ({"pointer": "/from", "parameter": "to"}, "from"),
        ({"pointer": ""}, None),
        ({"pointer": 5}, None),
        ("/to", None),
        (None, None),
    ],
)
def test_a_field_is_named_by_pointer_or_parameter_and_nothing_else_is_one(db, source, name):
    said = "not so " * 100
    refusal = answer("422 Unprocessable Entity", errors({"code": "10015", "detail": said, "source": source}))
    with serving(refusal) as listener, pytest.raises(TelnyxRefused) as caught:
        ask(at(listener), LIST)
    assert caught.value.fields == ({name: [said[:500]]} if name else {})
    assert caught.value.message == said[:500]


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


def test_what_no_page_can_show_is_replaced_in_what_is_told(db):
    listed = b'{"errors":[{"code":"1\\ud83d","detail":"a\\u0000b\\ud83d","source":{"pointer":"/to/\\ud83d"}}]}'
    with serving(answer("422 Unprocessable Entity", listed)) as listener, pytest.raises(TelnyxRefused) as caught:
        ask(at(listener), LIST)
    assert (caught.value.message, caught.value.code) == ("a\ufffdb\ufffd", "1\ufffd")
    assert caught.value.fields == {"to.\ufffd": ["a\ufffdb\ufffd"]}


@pytest.mark.parametrize(
    ("detail", "more", "reason", "said"),
    [
        ("Dialed number is not included in whitelisted countries D13", {}, "D13", "country is not allowed"),
        ("Caller Origination Number is Invalid D35", {}, "D35", "caller ID is not valid"),
        ("Account is disabled D17", {}, "D17", "balance is used up"),
        ("no code here", {"telnyx_error": {"error_code": "D60"}}, "D60", "only verified numbers"),
        ("first D11, then D13", {}, "D13", "country is not allowed"),
        ("of another kind", {"telnyx_error": {"error_code": 7}}, None, "of another kind"),
        ("a code nobody knows D99", {}, "D99", "a code nobody knows D99"),
        ("model 3D13X, no code", {"telnyx_error": ["D13"]}, None, "model 3D13X, no code"),
    ],
)
def test_why_a_call_was_not_put_through_is_read_and_said(db, detail, more, reason, said):
    body = {"errors": [{"code": 10010, "title": "Not authorized", "detail": detail}]} | more
    refusal = answer("403 Forbidden", json.dumps(body).encode())
    with serving(refusal) as listener, pytest.raises(TelnyxRefused) as caught:
        ask(at(listener), LIST)
    assert (caught.value.code, caught.value.reason) == ("10010", reason)
    assert said in caught.value.message
    assert str(caught.value).endswith(f"(Telnyx code 10010, {reason})" if reason else "(Telnyx code 10010)")


@pytest.mark.parametrize(
    ("status", "body", "is_not_found"),
    [
        ("404 Not Found", errors({"code": "10005"}), True),
        ("404 Not Found", b'{"errors":[]}', False),
        ("404 Not Found", b"<html>", False),
        ("422 Unprocessable Entity", errors({"code": "10005"}), False),
    ],
)
def test_that_there_is_no_such_thing_is_believed_of_telnyx_alone(db, status, body, is_not_found):
    with serving(answer(status, body)) as listener, pytest.raises(TelnyxRefused) as caught:
        ask(at(listener), LIST)
    assert caught.value.is_not_found is is_not_found


def test_an_error_without_words_and_without_a_code_is_told_beside_the_others(db):
    listed = errors({"title": "Bad"}, {}, {"code": "99999", "detail": "worse"})
    with serving(answer("422 Unprocessable Entity", listed)) as listener, pytest.raises(TelnyxRefused) as caught:
        ask(at(listener), LIST)
    assert (caught.value.message, caught.value.code) == ("Bad; Telnyx gave no reason; worse", "99999")


def test_a_read_that_telnyx_fails_is_told_with_what_it_answered(db):
    failing = answer("502 Bad Gateway", errors({"code": "10001"}))
    with serving(failing) as listener, pytest.raises(TelnyxUnavailable) as caught:
        ask(at(listener), LIST)
    assert (caught.value.http_status, caught.value.code, caught.value.retry_after) == (502, "10001", 5)


@pytest.mark.parametrize(
    ("method", "error", "kind"),
    [
        ("POST", httpx.ConnectError, TelnyxUnavailable),
        ("POST", httpx.ConnectTimeout, TelnyxUnavailable),
        ("POST", httpx.ReadTimeout, TelnyxUncertain),
        ("POST", httpx.ReadError, TelnyxUncertain),
        ("GET", httpx.ReadTimeout, TelnyxUnavailable),
    ],
)
def test_an_error_that_nothing_is_wrapped_around_is_told_by_what_it_is_itself(method, error, kind):
    found = translate(error("so", request=httpx.Request(method, "http://telnyx.invalid/v2")))
    assert (type(found), "in time" in found.message) == (kind, method == "POST" and error is httpx.ReadTimeout)


def test_who_did_not_ask_may_at_once_and_a_refusal_names_no_field_of_itself():
    refused = TelnyxRefused("no", http_status=404)
    assert (NotNow().retry_after, TelnyxUnavailable("away").retry_after) == (0, 5)
    assert (refused.fields, refused.is_not_found, str(refused)) == ({}, True, "no")
