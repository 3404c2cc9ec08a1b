"""The id that stands in TeXML's addresses: as entered, as remembered, as Telnyx tells it."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portal.models import TelnyxAccount
from portal.telnyx.account_sids import NoAccountSid, account_sid
from portal.telnyx.connection_check import check_connection
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable
from tests.support.accounts import make_account
from tests.support.http_servers import Listener, answer, serving
from tests.support.telnyx_answers import telnyx_says

WHO = {"data": {"organization_id": "org-1", "user_id": "user-1", "record_type": "whoami"}}
NONE = answer("404 Not Found", b'{"errors":[{"detail":"Resource not found"}]}')


@contextmanager
def telnyx(who: object = WHO, knows: str = "org-1") -> Iterator[Listener]:
    """Tells who asks, and knows one account's addresses."""

    def behave(connection: socket.socket) -> None:
        path = listener.requests[-1].split(b" ")[1].decode()
        if path.endswith("/whoami"):
            told = who if isinstance(who, bytes) else answer("200 OK", json.dumps(who).encode())
        else:
            told = NONE if f"/Accounts/{knows}/" not in path and "/texml/" in path else answer("200 OK", b'{"data":[]}')
        connection.sendall(told)

    with serving(behave) as listener:
        yield listener


def paths(listener: Listener) -> list[str]:
    return [raw.split(b" ")[1].decode().partition("?")[0] for raw in listener.requests]


def test_what_is_entered_is_asked_of_nobody(account: TelnyxAccount) -> None:
    account.account_sid, account.found_account_sid = "entered", "found"
    assert account_sid(account) == "entered"
    account.account_sid = ""
    assert account_sid(account) == "found"


@pytest.mark.parametrize(("knows", "asked"), [("org-1", 2), ("user-1", 3)])
def test_the_organization_is_tried_before_the_user_and_remembered(db: None, knows: str, asked: int) -> None:
    with telnyx(knows=knows) as listener:
        account = make_account(base_url=f"{listener.url}/v2")
        assert [account_sid(account) for _ in range(2)] == [knows, knows]
        assert len(listener.requests) == asked
        assert account_sid(TelnyxAccount.objects.get()) == knows
        assert len(listener.requests) == asked
        assert {raw.split(b" ")[0] for raw in listener.requests} == {b"GET"}


@pytest.mark.parametrize(("who", "knows"), [(NONE, "org-1"), ({"data": {}}, "org-1"), (WHO, "another"), ({}, "x")])
def test_where_none_can_be_had_it_says_what_to_enter(db: None, who: object, knows: str) -> None:
    with telnyx(who, knows) as listener:
        account = make_account(base_url=f"{listener.url}/v2")
        with pytest.raises(NoAccountSid, match="TELNYX_ACCOUNT_SID"):
            account_sid(account)
    assert TelnyxAccount.objects.get().found_account_sid == ""


@pytest.mark.parametrize(
    ("said", "kind"), [(answer("500 Oops"), TelnyxUnavailable), (answer("401 No", b'{"errors":[{}]}'), TelnyxError)]
)
def test_a_telnyx_that_cannot_tell_leaves_nothing_behind(db: None, said: bytes, kind: type[Exception]) -> None:
    with telnyx(said) as listener:
        account = make_account(base_url=f"{listener.url}/v2")
        with pytest.raises(kind) as caught:
            account_sid(account)
    assert not isinstance(caught.value, NoAccountSid)
    assert TelnyxAccount.objects.get().found_account_sid == ""


@pytest.mark.parametrize("odd", [5, None, "", "x" * (TelnyxAccount.LONGEST_SID + 1), {"id": "org-1"}])
def test_what_is_no_id_is_not_tried(db: None, odd: object) -> None:
    with telnyx({"data": {"organization_id": odd, "user_id": "user-1"}}, "user-1") as listener:
        assert account_sid(make_account(base_url=f"{listener.url}/v2")) == "user-1"
        assert len(listener.requests) == 2


def test_one_that_may_not_be_tried_is_told_so_and_not_taken_for_unknown(account: TelnyxAccount) -> None:
    forbidden = ("403 Forbidden", {"errors": [{"code": "10010", "detail": "Not this key."}]})
    with (
        telnyx_says(account, whoami=WHO, texml=forbidden),
        pytest.raises(TelnyxRefused, match="Not this key") as caught,
    ):
        account_sid(account)
    assert not isinstance(caught.value, NoAccountSid)
    assert TelnyxAccount.objects.get().found_account_sid == ""


def test_what_an_old_key_was_told_is_not_kept_for_the_one_entered_meanwhile(db: None) -> None:
    with telnyx() as listener:
        entered = make_account(base_url=f"{listener.url}/v2")
        of_the_old_key = TelnyxAccount.objects.get()
        entered.api_key = "KEY-of-another-account"
        entered.save()
        assert account_sid(of_the_old_key) == "org-1"
    assert TelnyxAccount.objects.get().found_account_sid == ""


def test_another_key_forgets_what_the_old_one_was_told(account: TelnyxAccount) -> None:
    account.found_account_sid = "org-1"
    account.api_key = "KEY-of-another-account"
    assert account.found_account_sid == ""


@pytest.mark.parametrize(
    ("entered", "who", "words"),
    [
        ("", WHO, "TeXML's account SID is org-1, as Telnyx told it."),
        ("mine", WHO, "TeXML's account SID is mine, as entered."),
        ("", NONE, "TeXML's account SID is not known: Telnyx does not tell the id"),
    ],
)
def test_the_check_of_the_connection_shows_it(db: None, entered: str, who: object, words: str) -> None:
    with telnyx(who) as listener:
        account = make_account(base_url=f"{listener.url}/v2")
        account.account_sid = entered
        well, sentences = check_connection(account)
    assert (well, words in " ".join(sentences)) == (True, True)


def test_an_id_as_long_as_any_that_can_be_kept_is_tried_and_kept(db: None) -> None:
    longest = "x" * TelnyxAccount.LONGEST_SID
    with telnyx({"data": {"organization_id": longest, "user_id": "user-1"}}, longest) as listener:
        assert account_sid(make_account(base_url=f"{listener.url}/v2")) == longest
    assert TelnyxAccount.objects.get().found_account_sid == longest
