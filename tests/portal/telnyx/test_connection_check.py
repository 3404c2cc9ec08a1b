"""What "Check connection" says."""

import base64
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest

from portal.models import TelnyxAccount
from portal.telnyx.connection_check import KeyTrouble, check_connection, try_key
from tests.support.accounts import make_account
from tests.support.http_servers import answer, serving


def said(account: TelnyxAccount) -> tuple[bool, str]:
    well, sentences = check_connection(account)
    return well, " ".join(sentences)


def test_it_says_that_all_is_well(sandbox_account):
    well, words = said(sandbox_account)
    assert well
    assert "accepts the API key that ends in ests" in words
    assert "right form" in words


def test_it_asks_for_one_of_each_and_not_for_all_that_there_are(db):
    with serving(answer("200 OK", b'{"data": {"organization_id": "org-1"}}')) as listener:
        check_connection(make_account(base_url=f"{listener.url}/v2"))
    asked = [urlsplit(raw.split(b" ")[1].decode()) for raw in listener.requests]
    assert [parse_qs(url.query) for url in asked if not url.path.endswith("/whoami")] == [
        {"page[size]": ["1"]},
        {"PageSize": ["1"]},
    ]


def test_it_says_that_the_key_is_refused(sandbox_account):
    sandbox_account.api_key = "not a key of the sandbox"
    well, words = said(sandbox_account)
    assert not well
    assert "refused the API key that ends in dbox" in words


def test_it_says_that_the_host_cannot_be_reached(account):
    well, words = said(account)
    assert not well
    assert "http://127.0.0.1:9/v2 cannot be reached" in words


def test_it_says_that_something_else_answers(db):
    with serving(answer("200 OK", b"<html>", content_type="text/html")) as listener:
        well, words = said(make_account(base_url=f"{listener.url}/v2"))
    assert not well
    assert "answered, but not like Telnyx" in words


def test_it_says_that_the_public_key_is_not_32_bytes(sandbox_account):
    sandbox_account.public_key = base64.b64encode(bytes(31)).decode()
    well, words = said(sandbox_account)
    assert not well
    assert "has 31 bytes, not 32" in words


def test_it_says_that_the_public_key_is_missing(sandbox_account):
    sandbox_account.public_key = ""
    well, words = said(sandbox_account)
    assert not well
    assert "No public key is stored" in words


def test_it_says_that_no_api_key_is_stored(account):
    account.api_key_sealed = ""
    well, words = said(account)
    assert not well
    assert "No API key is stored" in words


def test_it_says_that_the_stored_key_cannot_be_read(account, settings):
    settings.PORTAL_ENCRYPTION_KEYS = [secrets.token_bytes(32)]
    well, words = said(account)
    assert not well
    assert "cannot be read" in words
    assert "Enter it again" in words


@pytest.mark.parametrize("public_key", ["", "AAAA"])
def test_what_is_wrong_with_the_public_key_is_told_behind_what_is_right_with_the_api_key(sandbox_account, public_key):
    sandbox_account.public_key = public_key
    well, sentences = check_connection(sandbox_account)
    assert (well, len(sentences)) == (False, 3)
    assert "accepts the API key that ends in ests" in sentences[0]
    assert sentences[1].startswith("TeXML's account SID is ")
    assert "key" in sentences[2]


@pytest.mark.parametrize(
    ("status", "field", "is_wrong"),
    [
        ("401 Unauthorized", "api_key", True),
        ("403 Forbidden", "api_key", False),
        ("500 Internal Server Error", "base_url", False),
    ],
)
def test_it_is_told_where_to_look_and_whether_telnyx_does_not_know_the_key(db, status, field, is_wrong):
    with serving(answer(status, b'{"errors":[{"code":"10009"}]}')) as listener, pytest.raises(KeyTrouble) as caught:
        try_key(make_account(base_url=f"{listener.url}/v2"))
    assert (caught.value.field, caught.value.is_wrong) == (field, is_wrong)
    assert ("answered, but not like Telnyx" in str(caught.value)) is (field == "base_url")
