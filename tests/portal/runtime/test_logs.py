"""Log lines are JSON and tell no number."""

import json
import logging
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import structlog

from portal.runtime.logs import formatter, redact


def logged(message: str, *values: object) -> dict:
    record = logging.LogRecord("somewhere", logging.WARNING, __file__, 1, message, values, None)
    return json.loads(formatter().format(record))


def test_a_log_line_is_json_without_numbers_tokens_and_keys():
    line = logged("call from %s to %s", "+13125550199", "+442071838750")["event"]
    assert "+13125550199" not in line
    assert "0199" in line
    for secret in ("/webhooks/abcdefgh-ijkl_mnop", "KEY0123456789ABCDEF", "tvp_0123abcd.secretsecret"):
        assert secret[-8:] not in logged("saw %s here", secret)["event"]


@pytest.mark.parametrize(
    "told",
    [
        {"payload": {"from": "+13125550147"}},
        {"payload": {"from": "13125550147", "legs": [{"to_number": 13125550147}]}},
        {"numbers": ["+13125550147", ("+13125550147",)]},
        {"caller": "13125550147", "digits": "13125550147"},
        {"asked": "sip:13125550147@example.com"},
        {"body": b"from=+13125550147"},
        {"error": ValueError("no route to +13125550147")},
        {"deep": [[[[[[[[[["+13125550147"]]]]]]]]]]},
    ],
)
def test_no_number_passes_however_it_is_logged(told):
    # a handler of its own: pytest has its hands on the others
    handler = logging.StreamHandler(stream := StringIO())
    handler.setFormatter(formatter())
    log = logging.getLogger("tests.numbers")
    log.addHandler(handler)
    try:
        structlog.get_logger("tests.numbers").warning("said", at=1763650000123, event_id="0123456789", **told)
    finally:
        log.removeHandler(handler)
    line = json.loads(stream.getvalue())
    assert "5550147" not in stream.getvalue()
    assert (line["event"], line["at"], line["event_id"]) == ("said", 1763650000123, "0123456789")


def test_a_line_tells_which_request_and_where_and_when_and_nothing_else():
    structlog.contextvars.clear_contextvars()  # what another test left
    with structlog.contextvars.bound_contextvars(request_id="a-request"):
        line = logged("it happened %d times", 2)
    at = datetime.fromisoformat(line.pop("timestamp"))
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    told = {"event": "it happened 2 times", "level": "warning", "logger": "somewhere", "request_id": "a-request"}
    assert line == told


def test_what_can_be_no_number_stays_as_it_is():
    told = {"event": "x", "nothing": None, "is_on": True, "seconds": 1763650000.123, "count": 13125550147}
    assert redact(None, "", dict(told)) == told


def test_an_exceptions_text_is_cleaned_too():
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), None)
    try:
        raise ValueError("no route to +13125550199 with KEY0123456789ABCDEF")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    text = formatter().format(record)
    assert "+13125550199" not in text
    assert "KEY0123456789ABCDEF" not in text


@pytest.mark.parametrize("secret", ["hush-4711", 4711, {"value": "hush-4711"}, ["hush-4711"]])
def test_a_secret_is_not_logged_whatever_it_is_made_of(secret):
    assert "4711" not in json.dumps(redact(None, "", {"event": "asked", "parameters": {"password": secret}}))


def test_the_address_of_a_host_is_no_number_and_another_one_may_hold_some():
    told = redact(None, "", {"address": "203.0.113.77", "other": "203.0.113.77"})
    assert told["address"] == "203.0.113.77"
    assert told["other"] != told["address"]
    assert "5550147" not in redact(None, "", {"address": "sip:13125550147@example.com"})["address"]


def test_where_an_exception_came_from_is_told():
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), None)
    try:
        raise ValueError("no route")
    except ValueError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    told = json.loads(formatter().format(record))["exception"]
    assert "Traceback" in told
    assert "test_where_an_exception_came_from_is_told" in told
    assert told.endswith("ValueError: no route")


def within(depth: int, value: object, *, name: str = "") -> object:
    for _ in range(depth):
        value = {name: value} if name else [value]
    return value


@pytest.mark.parametrize("name", ["", "inner"])
def test_what_lies_deeper_than_eight_levels_is_not_logged_whatever_it_is(name):
    for value in ("x", None, True, 1.5, 7):
        shown, hidden = within(8, value, name=name), within(9, value, name=name)
        told = redact(None, "", {"deep": shown, "deeper": hidden})
        assert told == {"deep": shown, "deeper": within(9, "…", name=name)}
