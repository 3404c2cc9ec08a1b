"""What a refused request gives away about its cause."""

import time

import pytest
from django.test import Client
from nacl.signing import SigningKey

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_event
from tests.support.rejections import counts, post_bare
from tests.support.rows import RejectedRequest
from tests.support.signing import key_pair, signed
from tests.support.webhooks import post_webhook

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"X-Telnyx-Signature": "abc"}, "webhook API version 1"),
        ({"Webhook-Signature": "v1,abc"}, "Standard Webhooks"),
        ({"User-Agent": "telnyx-webhooks"}, "something between strips"),
        ({"Telnyx-Timestamp": "1790000000"}, "Only Telnyx-Timestamp came"),
    ],
)
def test_the_headers_give_away_the_cause(
    client: Client, account: TelnyxAccount, headers: dict[str, str], said: str
) -> None:
    post_bare(client, account.webhook_token, **headers)
    assert said in RejectedRequest.objects.get().hint


@pytest.mark.parametrize("which", ["current", "previous"])
def test_one_signed_with_another_accounts_key_says_whose_it_is(
    client: Client, account: TelnyxAccount, which: str
) -> None:
    (key, public), (_, other) = key_pair(), key_pair()
    neighbour = make_account("neighbour", public_key=public if which == "current" else other)
    neighbour.previous_public_key = other if which == "current" else public
    neighbour.save()
    answer = post_webhook(client, account, make_event(), key=key)
    row = RejectedRequest.objects.get()
    assert f"signed with the {which} key of the account neighbour" in row.hint
    assert "pasted into the wrong account" in row.hint
    assert "neighbour" not in answer.content.decode()


def test_a_stale_one_says_whether_the_clock_is_behind_or_ahead_and_whose_it_is(
    client: Client, account: TelnyxAccount
) -> None:
    for age, said in ((420, "differs by 7 min: this machine's is ahead"), (-420, "this machine's is behind")):
        RejectedRequest.objects.all().delete()
        post_webhook(client, account, make_event(), now=time.time() - age)
        row = RejectedRequest.objects.get()
        assert said in row.reason
        assert "signed with the current key of the account main" in row.hint
    RejectedRequest.objects.all().delete()
    post_webhook(client, account, make_event(), now=time.time() - 420, key=SigningKey.generate())
    assert "no key of this portal fits" in RejectedRequest.objects.get().hint


def test_our_own_probe_is_told_as_such(client: Client, account: TelnyxAccount) -> None:
    post_bare(client, account.webhook_token, **{"X-Portal-Probe": "a-nonce-of-the-portal"})
    assert counts() == {"probe": 1}


def test_what_only_says_that_it_is_our_probe_is_told_for_what_it_is(client: Client, account: TelnyxAccount) -> None:
    probe = {"X-Portal-Probe": "a-nonce-of-the-portal"}
    forged = signed(b"{}", key=SigningKey.generate())
    assert post_bare(client, account.webhook_token, **probe, **forged) == 400
    assert post_bare(client, "an-address-of-nobody", **probe) == 404
    TelnyxAccount.objects.filter(pk=account.pk).update(public_key="")
    assert post_bare(client, account.webhook_token, **probe) == 503
    assert counts() == {"other_key": 1, "unknown_address": 1, "no_public_key": 1}


def test_one_with_a_signature_alone_says_that_only_that_came(client: Client, account: TelnyxAccount) -> None:
    post_bare(client, account.webhook_token, **{"Telnyx-Signature-Ed25519": "abc", "User-Agent": "telnyx-webhooks"})
    assert RejectedRequest.objects.get().hint == "Only Telnyx-Signature-Ed25519 came."


def test_one_that_is_too_large_is_told_as_such(client: Client, account: TelnyxAccount) -> None:
    assert post_webhook(client, account, b" " * (1024 * 1024 + 1)).status_code == 413
    row = RejectedRequest.objects.get()
    assert (row.account, row.code, counts()) == (account, "too_large", {"too_large": 1})
