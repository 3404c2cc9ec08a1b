"""What the street door refuses is counted and kept: through the door, then as rows."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import DataError, InterfaceError, OperationalError, connections
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone
from nacl.signing import SigningKey

from portal.models import TelnyxAccount
from portal.tasks import clean_up
from tests.support.accounts import make_account
from tests.support.factories import make_event
from tests.support.polling import eventually
from tests.support.rejections import counts, post_bare
from tests.support.rows import CallEvent, RejectedRequest, RejectionCount
from tests.support.webhooks import post_webhook
from voice.events import rejections

pytestmark = pytest.mark.django_db


class Threaded(rejections.Writer):
    """The one with a thread, as in a running portal. Its pauses end when the test waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def _rest(self, seconds: float) -> None:
        assert self.over.wait(60)


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Threaded]:
    made = Threaded()
    monkeypatch.setattr(rejections, "writer", made)
    yield made
    wait(made)


def wait(writer: Threaded) -> None:
    """Until its thread has written all and ended."""
    writer.over.set()
    eventually(lambda: writer._thread is None, "the end of the writing")


@pytest.mark.django_db(transaction=True)
def test_a_flood_is_counted_whole_and_writes_few_rows(account: TelnyxAccount, writer: Threaded) -> None:
    gate = threading.Barrier(8)

    def post() -> None:
        gate.wait()
        for _ in range(25):
            assert post_bare(Client(), account.webhook_token) == 400
        assert post_bare(Client(), "nobody-has-this") == 404
        connections.close_all()

    with ThreadPoolExecutor(8) as senders:
        for future in [senders.submit(post) for _ in range(8)]:
            future.result()
    wait(writer)
    assert counts() == {"no_headers": 200, "unknown_address": 8}
    assert RejectionCount.objects.filter(account=account).count() <= 2  # two when the hour turns meanwhile
    assert RejectedRequest.objects.count() <= 4  # two of each kind: before the pause, and after it


@pytest.mark.django_db(transaction=True)
def test_a_flood_of_one_reason_does_not_hide_another(account: TelnyxAccount, writer: Threaded) -> None:
    client = Client()
    post_bare(client, account.webhook_token)
    for _ in range(30):
        post_bare(client, account.webhook_token)
    post_webhook(client, account, make_event(), key=SigningKey.generate())
    for _ in range(30):
        post_bare(client, account.webhook_token)
    wait(writer)
    assert counts() == {"no_headers": 61, "other_key": 1}
    assert set(RejectedRequest.objects.values_list("code", flat=True)) == {"no_headers", "other_key"}


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_turns_no_400_into_a_500_and_loses_no_count(
    account: TelnyxAccount, writer: Threaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, tried = rejections._write, threading.Event()

    def away(*args: Any) -> None:
        tried.set()
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(rejections, "_write", away)
    assert [post_bare(Client(), account.webhook_token) for _ in range(5)] == [400] * 5
    assert tried.wait(60)
    assert not RejectionCount.objects.exists()
    monkeypatch.setattr(rejections, "_write", write)
    wait(writer)
    assert counts() == {"no_headers": 5}
    assert RejectedRequest.objects.get().code == "no_headers"


@pytest.mark.django_db(transaction=True)
def test_what_waits_for_an_account_that_was_deleted_is_dropped_and_the_rest_written(
    account: TelnyxAccount, writer: Threaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = make_account("gone")
    monkeypatch.setattr(writer, "start", lambda: None)
    post_bare(Client(), gone.webhook_token)
    post_bare(Client(), account.webhook_token)
    gone.delete()
    assert writer.flush()
    assert counts() == {"no_headers": 1}
    assert RejectedRequest.objects.get().account == account


@pytest.mark.parametrize(("error", "is_kept"), [(OperationalError, True), (InterfaceError, True), (DataError, False)])
def test_what_was_not_written_waits_for_a_database_that_is_away_and_is_dropped_else(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch, error: type[Exception], is_kept: bool
) -> None:
    writer = rejections.Writer()
    monkeypatch.setattr(rejections, "writer", writer)
    monkeypatch.setattr(writer, "start", lambda: None)
    post_bare(Client(), account.webhook_token)

    def fail(*args: object) -> None:
        raise error("it cannot be")

    with monkeypatch.context() as failing:
        failing.setattr(rejections, "_write", fail)
        assert writer.flush() is not is_kept
    assert writer.flush()
    assert counts() == ({"no_headers": 1} if is_kept else {})


def test_of_what_waits_for_a_database_that_is_away_the_newest_of_each_kind_is_kept(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = rejections.Writer()
    monkeypatch.setattr(rejections, "writer", writer)
    monkeypatch.setattr(writer, "start", lambda: None)
    for token in (account.webhook_token, "nobody-has-this"):
        post_bare(Client(), token)

    def away(*args: object) -> None:
        post_bare(Client(), account.webhook_token, **{"X-Newest": "1"})  # it comes meanwhile
        raise OperationalError("the server closed the connection")

    with monkeypatch.context() as failing:
        failing.setattr(rejections, "_write", away)
        assert not writer.flush()
    assert writer.flush()
    assert counts() == {"no_headers": 2, "unknown_address": 1}
    kept = RejectedRequest.objects.values_list("code", "header_names")
    assert sorted((code, "X-Newest" in names) for code, names in kept) == [
        ("no_headers", True),
        ("unknown_address", False),
    ]


def test_of_each_account_the_latest_is_kept_and_each_is_counted_by_the_hour(
    account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, other = rejections.Writer(), make_account("other")
    monkeypatch.setattr(rejections, "writer", writer)
    monkeypatch.setattr(writer, "start", lambda: None)
    for each in (account, other, account, other):
        post_bare(Client(), each.webhook_token)
    assert writer.flush()
    assert sorted(RejectedRequest.objects.values_list("account__name", flat=True)) == [account.name, "other"]
    hours = list(RejectionCount.objects.values_list("hour", flat=True))
    assert hours == [hour.replace(minute=0, second=0, microsecond=0) for hour in hours]
    assert counts() == {"no_headers": 4}


def test_the_ring_keeps_the_last_hundred_and_of_them_the_rare_one(client: Client, account: TelnyxAccount) -> None:
    post_webhook(client, account, make_event(), key=SigningKey.generate())
    for _ in range(105):
        post_bare(client, account.webhook_token)
    assert RejectedRequest.objects.count() == 100
    assert RejectedRequest.objects.filter(code="other_key").count() == 1
    assert counts() == {"no_headers": 105, "other_key": 1}


def test_an_unknown_address_is_counted_without_the_token(client: Client, account: TelnyxAccount) -> None:
    told = {"Telnyx-Signature-Ed25519": "x", "Telnyx-Timestamp": "1"}
    assert post_bare(client, "a-token-of-nobody", **told) == 404
    row = RejectedRequest.objects.get()
    assert (row.account, row.code) == (None, "unknown_address")
    assert "some application has a wrong address" in row.hint
    assert RejectionCount.objects.get().account is None
    assert "a-token-of-nobody" not in str(RejectedRequest.objects.values().get())


def test_no_value_of_a_header_is_kept(client: Client, account: TelnyxAccount) -> None:
    post_bare(client, account.webhook_token, **{"X-Telnyx-Signature": "CANARY", "Authorization": "Bearer CANARY"})
    assert "CANARY" not in str(list(RejectedRequest.objects.values()))
    assert "Authorization" in RejectedRequest.objects.get().header_names


def test_the_counters_of_a_week_ago_are_forgotten(account: TelnyxAccount) -> None:
    now = timezone.now()
    for days in (0, 6, 8):
        hour = now - timedelta(days=days)
        RejectionCount.objects.create(account=account, hour=hour, code="no_headers", count=days + 1)
    clean_up()
    assert sorted(RejectionCount.objects.values_list("count", flat=True)) == [1, 7]
    assert not CallEvent.objects.exists()


def test_of_many_headers_64_names_are_kept_and_of_each_100_letters(client: Client, account: TelnyxAccount) -> None:
    post_bare(client, account.webhook_token, **{f"A{'a' * 200}": "1"}, **{f"X-{at:03}": "1" for at in range(100)})
    names = RejectedRequest.objects.get().header_names
    assert (len(names), len(names[0]), names == sorted(names)) == (64, 100, True)


def test_each_account_has_a_count_of_its_own_in_each_hour(client: Client, account: TelnyxAccount) -> None:
    earlier = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    RejectionCount.objects.create(account=account, hour=earlier, code="no_headers", count=5)
    for each in (account, make_account("other"), account):
        post_bare(client, each.webhook_token)
    found = Counter[tuple[str, bool]]()
    for name, hour, count in RejectionCount.objects.values_list("account__name", "hour", "count"):
        found[name, hour == earlier] += count
    assert found == {(account.name, True): 5, (account.name, False): 2, ("other", False): 1}


def test_a_count_that_another_process_made_just_now_is_added_to(
    client: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    RejectionCount.objects.create(account=account, hour=hour, code="no_headers", count=5)
    really, owed = QuerySet.update, [0]  # rows that it finds at its first look

    def update(rows: QuerySet[Any], **values: Any) -> int:
        return owed.pop() if rows.model is RejectionCount and owed else really(rows, **values)

    monkeypatch.setattr(QuerySet, "update", update)
    post_bare(client, account.webhook_token)
    assert (owed, counts()) == ([], {"no_headers": 6})


def test_a_rare_one_stays_in_the_full_ring_also_when_it_is_the_newest(client: Client, account: TelnyxAccount) -> None:
    for _ in range(100):
        post_bare(client, account.webhook_token)
    post_webhook(client, account, make_event(), key=SigningKey.generate())
    assert RejectedRequest.objects.count() == 100
    assert RejectedRequest.objects.filter(code="other_key").count() == 1


def test_a_counter_is_kept_for_seven_days(account: TelnyxAccount) -> None:
    for hours in (7 * 24 - 1, 7 * 24 + 1):
        hour = timezone.now() - timedelta(hours=hours)
        RejectionCount.objects.create(account=account, hour=hour, code="no_headers", count=hours)
    clean_up()
    assert counts() == {"no_headers": 7 * 24 - 1}
