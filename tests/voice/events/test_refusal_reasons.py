"""What a refused request gives away about its cause."""

import time

import pytest
from django.test import Client

from portal.models import TelnyxAccount
from tests.support.accounts import make_account
from tests.support.factories import make_event
from tests.support.rejections import counts, post_bare
from tests.support.rows import RejectedRequest
from tests.support.signing import key_pair
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


def test_one_signed_with_another_accounts_key_says_whose_it_is(client: Client, account: TelnyxAccount) -> None:
    key, public = key_pair()
    make_account("neighbour", public_key=public)
    answer = post_webhook(client, account, make_event(), key=key)
    row = RejectedRequest.objects.get()
    assert "signed with the current key of the account neighbour" in row.hint
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


def test_our_own_probe_is_told_as_such(client: Client, account: TelnyxAccount) -> None:
    post_bare(client, account.webhook_token, **{"X-Portal-Probe": "a-nonce-of-the-portal"})
    assert counts() == {"probe": 1}
