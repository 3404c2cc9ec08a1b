"""Strict JSON: the J-cases of the bad-input corpus."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.payloads import MAX_DEPTH, Unreadable, loads, storable


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


BAD = {
    "empty": b"",
    "spaces": b"  \n",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "UTF-32": '{"a":1}'.encode("utf-32"),
    "0xFF": b'{"a":"\xff"}',
    "an overlong form": b'{"a":"\xc0\xaf"}',
    "CESU-8": b'{"a":"\xed\xa0\xbd\xed\xb8\x80"}',
    "a cut character": b'{"a":"\xe2\x82"}',
    "cut off": b'{"data":{"id":"1"',
    "something behind": b"{} x",
    "two documents": b"{}{}",
    "a comment": b'{"a":1 /* one */}',
    "single quotes": b"{'a':1}",
    "a trailing comma": b'{"a":1,}',
    "a key twice": b'{"id":1,"id":2}',
    "a nested key twice": b'{"data":{"event_type":"a","event_type":"b"}}',
    "a key twice, once escaped": b'{"id":1,"\\u0069d":2}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "-Infinity": b"[-Infinity]",
    "1e400": b'{"a":1e400}',
    "20 digits": b'{"a":' + b"9" * 20 + b"}",
    "5000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "a bare NUL": b'{"a":"\x00"}',
    "a line break in a text": b'{"a":"\n"}',
    "33 lists": nested(MAX_DEPTH + 1),
    "100 000 lists": nested(100_000),
    "34 of both, in turns": nested(17, '[{"a":', "}]").replace(b":}", b":1}"),
    "33 beside an escape": b'["\\\\", ' + nested(MAX_DEPTH) + b"]",
    "33 objects": nested(MAX_DEPTH + 1, '{"a":', "}").replace(b":}", b":1}"),
    "lists never closed": b"[" * 100_000,
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_it_refuses_what_is_not_strict_json(body):
    with pytest.raises(Unreadable):
        loads(body, replace=True)


@pytest.mark.parametrize("body", [b'{"card":"4111", "card":"4111111111111111"}', b'{"secret-4111": NaN}', b"4111 4111"])
def test_its_reason_echoes_nothing_of_the_body(body):
    with pytest.raises(Unreadable) as caught:
        loads(body)
    assert "4111" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b"[]", []),
        (b'"text"', "text"),
        (b"-0", 0),
        (b'{"a":9007199254740993}', {"a": 9007199254740993}),
        (b"-9223372036854775808", -(2**63)),
        (b"0.25", 0.25),
        ('{"name":"\\ud83d\\ude00 \U0010ffff\u202e"}'.encode(), {"name": "😀 \U0010ffff\u202e"}),
        (b'{"a":"[[[[[{{{{{ \\" ]"}', {"a": '[[[[[{{{{{ " ]'}),
    ],
)
def test_it_reads_good_json(body, value):
    assert loads(body) == value


def test_depth_32_is_read():
    assert loads(nested(MAX_DEPTH)) is not None


@pytest.mark.parametrize(
    "quoted", [b'["' + b"[" * 100 + b'"]', b'["\\\\", "' + b"{" * 100 + b'"]', b'["\\"' + b"[" * 100 + b'"]']
)
def test_brackets_in_texts_do_not_count_as_depth(quoted):
    assert loads(quoted)


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\udc00", "\\udc00\\ud800"])
@pytest.mark.parametrize("where", ['{"a":"x%sy"}', '{"%s":1}', '{"a":[{"b":"%s"}]}'])
def test_nul_and_half_surrogates_are_refused_or_replaced(escape, where):
    body = (where % escape).encode()
    with pytest.raises(Unreadable, match="NUL or half a surrogate"):
        loads(body)
    copy = json.dumps(loads(body, replace=True), ensure_ascii=False)
    assert "�" in copy
    copy.encode()
    assert "\x00" not in copy


def test_storable_keeps_what_can_be_stored():
    value = {"a": [1, None, True, "ü", {"b": 0.5}]}
    assert storable(value) == value


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(), st.lists, max_leaves=20))
def test_what_json_writes_is_read_back(value):
    body = json.dumps(value).encode()
    assert loads(body, replace=True) == storable(value)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_unreadable(body):
    try:
        loads(body)
    except Unreadable:
        pass


def test_a_string_that_never_ends_is_refused_without_trying_it_from_each_of_its_quotes():
    with pytest.raises(Unreadable):  # half an hour otherwise
        loads(b'"' + b'\\"' * 500_000)
