"""Whose webhook is it: the S-cases of the bad-input corpus, on the bytes."""

import base64
import json

import pytest
from nacl.signing import SigningKey

from portal.signatures import SIGNATURE_HEADER, TIMESTAMP_HEADER, BadSignature, public_key_problem, sign, verify

KEY = SigningKey(b"one key that is used for tests..")
OTHER = SigningKey(b"and another key, just for these.")
NOW = 1_790_000_000.0
BODY = b'{"data":{"event_type":"call.answered","payload":{"from":"+13125550100"}}}'
ORDER_OF_THE_CURVE = 2**252 + 27742317777372353535851937790883648493


def public(key: SigningKey) -> str:
    return base64.b64encode(bytes(key.verify_key)).decode()


def check(
    headers: dict[str, str], body: bytes = BODY, keys: tuple[str, ...] = (public(KEY),), now: float = NOW
) -> None:
    verify(headers, body, keys, now)


def with_signature(text: str) -> dict[str, str]:
    return {SIGNATURE_HEADER: text, TIMESTAMP_HEADER: str(int(NOW))}


GOOD = sign(BODY, KEY, NOW)[SIGNATURE_HEADER]
RAW = base64.b64decode(GOOD)


def test_what_telnyx_signed_is_accepted():
    check(sign(BODY, KEY, NOW))


@pytest.mark.parametrize("missing", [SIGNATURE_HEADER, TIMESTAMP_HEADER])
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_or_empty_header_is_refused(missing, empty):
    headers = sign(BODY, KEY, NOW)
    headers.pop(missing)
    with pytest.raises(BadSignature, match="no signature headers"):
        check(headers | ({missing: ""} if empty else {}))


@pytest.mark.parametrize(
    "text",
    {
        "not base64": "§§§",
        "one byte less": base64.b64encode(RAW[:-1]).decode(),
        "one byte more": base64.b64encode(RAW + b"x").decode(),
        "100 000 bytes": base64.b64encode(b"x" * 100_000).decode(),
        "the URL alphabet": base64.urlsafe_b64encode(b"\xfb\xff" * 32).decode(),
        "a space within": GOOD[:20] + " " + GOOD[20:],
        "a line break within": GOOD[:20] + "\n" + GOOD[20:],
        "something behind it": GOOD + "!",
        "hexadecimal": RAW.hex(),
        "sent twice": f"{GOOD},{GOOD}",
        "zeros": base64.b64encode(bytes(64)).decode(),
        "padding only": "====",
    }.items(),
    ids=lambda item: item[0],
)
def test_a_malformed_signature_is_refused(text):
    with pytest.raises(BadSignature):
        check(with_signature(text[1]))


def test_a_signature_by_another_accounts_key_is_refused():
    with pytest.raises(BadSignature, match="another key"):
        check(sign(BODY, OTHER, NOW))


def test_the_previous_key_verifies_while_it_is_listed_and_not_afterwards():
    check(sign(BODY, OTHER, NOW), keys=(public(KEY), public(OTHER)))
    with pytest.raises(BadSignature):
        check(sign(BODY, OTHER, NOW), keys=(public(KEY),))


def test_unreadable_keys_are_passed_over():
    check(sign(BODY, KEY, NOW), keys=("", "not base64", base64.b64encode(b"short").decode(), public(KEY)))


@pytest.mark.parametrize("keys", [(), ("",), ("AAAA",)])
def test_nothing_verifies_without_a_usable_key(keys):
    with pytest.raises(BadSignature):
        check(sign(BODY, KEY, NOW), keys=keys)


@pytest.mark.parametrize("bit", range(0, len(BODY) * 8, len(BODY) * 8 // 20))
def test_a_single_changed_bit_of_the_body_is_refused(bit):
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadSignature):
        check(sign(BODY, KEY, NOW), bytes(changed))


def test_another_timestamp_under_the_same_signature_is_refused():
    with pytest.raises(BadSignature):
        check(sign(BODY, KEY, NOW) | {TIMESTAMP_HEADER: str(int(NOW) + 1)})


def test_the_same_json_written_differently_is_refused():
    with pytest.raises(BadSignature):
        check(sign(BODY, KEY, NOW), json.dumps(json.loads(BODY)).encode())


@pytest.mark.parametrize(("age", "accepted"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_five_minutes_to_either_side_are_accepted(age, accepted):
    headers = sign(BODY, KEY, NOW - age)
    if accepted:
        check(headers)
    else:
        with pytest.raises(BadSignature, match="clock"):
            check(headers)


@pytest.mark.parametrize(
    "timestamp",
    [
        "1790000000.0",
        "1790000000000",
        "2026-09-21T00:00:00Z",
        " 1790000000",
        "1790000000 ",
        "+1790000000",
        "1_790_000_000",
        "179000000",
        "١٧٩٠٠٠٠٠٠٠",
        "9" * 5000,
        "-1",
        "0",
        "1790000000\n",
        "1790000000|x",
        "1790000000,1790000000",
        "NaN",
    ],
)
def test_a_timestamp_that_is_not_ten_digits_is_refused_though_signed(timestamp):
    signature = KEY.sign(timestamp.encode() + b"|" + BODY).signature
    with pytest.raises(BadSignature, match="ten digits"):
        check({SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: timestamp})


def test_other_schemes_signatures_do_not_count():
    headers = {"webhook-id": "1", "webhook-timestamp": str(int(NOW)), "webhook-signature": f"v1,{GOOD}"}
    with pytest.raises(BadSignature):
        check(headers)


def test_a_low_order_key_verifies_nothing():
    zero_key = base64.b64encode(bytes(32)).decode()
    for signature in (bytes(64), bytes([1]) + bytes(63)):
        with pytest.raises(BadSignature):
            check(with_signature(base64.b64encode(signature).decode()), keys=(zero_key,))


def test_a_malleable_twin_of_a_signature_is_refused():
    twin = RAW[:32] + (int.from_bytes(RAW[32:], "little") + ORDER_OF_THE_CURVE).to_bytes(32, "little")
    with pytest.raises(BadSignature):
        check(with_signature(base64.b64encode(twin).decode()))


@pytest.mark.parametrize("body", [b"", b"\x00\xff", "ü".encode(), b"CallSid=v3%3A1&From=%2B1312"])
def test_any_bytes_can_be_signed(body):
    check(sign(body, KEY, NOW), body)


def test_a_public_keys_problem_is_told_in_words():
    assert public_key_problem(public(KEY)) is None
    assert "has 31 bytes, not 32" in (public_key_problem(base64.b64encode(bytes(31)).decode()) or "")
    assert "not base64" in (public_key_problem("-----BEGIN PUBLIC KEY-----") or "")
