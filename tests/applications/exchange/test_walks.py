"""Exports and lists give each application that is there all the time exactly once, while others come and go."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from applications.models import CallControlApplication
from portal.models import TelnyxAccount
from tests.support.application_pages import page_url

STAY, GO = 600, 600
NAMES = [f"stays {at}" for at in range(STAY)]


@pytest.fixture
def rows(account: TelnyxAccount) -> TelnyxAccount:
    """All of one name but for a number, half of them to go."""
    _make(account, *NAMES, *(f"goes {at}" for at in range(GO)))
    return account


def _make(account: TelnyxAccount, *names: str) -> None:
    remotes = [{"id": name, "application_name": name} for name in names]
    CallControlApplication.objects.bulk_create(
        CallControlApplication(account=account, telnyx_id=one["id"], application_name=one["id"], remote=one)
        for one in remotes
    )


def _come_and_go(account: TelnyxAccount, turn: int) -> None:
    _make(account, f"comes {turn}", f"stays {turn} not", f"a {turn}")
    gone = CallControlApplication.objects.filter(account=account, application_name__startswith="goes")[:50]
    CallControlApplication.objects.filter(pk__in=[row.pk for row in gone]).delete()


def _once(names: list[str]) -> None:
    told = Counter(names)
    assert {name: told[name] for name in NAMES} == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.usefixtures("only_account")
def test_an_export(browser: Client, rows: TelnyxAccount, form: str) -> None:
    pieces: list[str] = []
    for turn, piece in enumerate(_streamed(browser.get(page_url("export", form)))):
        pieces.append(piece)
        if turn % 100 == 50:
            _come_and_go(rows, turn)
    text = "".join(pieces)
    listed = json.loads(text) if form == "json" else csv.DictReader(io.StringIO(text))
    _once([one["application_name"] for one in listed])


@pytest.mark.usefixtures("only_account")
def test_a_list_over_rest_in_both_directions(api: APIClient, rows: TelnyxAccount) -> None:
    page: dict[str, Any] = {"next": "/api/v1/call-control-applications/?page_size=100"}
    last, forward, backward = "", list[str](), list[str]()
    while page["next"]:
        last, page = page["next"], api.get(page["next"]).json()
        forward += [one["application_name"] for one in page["results"]]
        _come_and_go(rows, len(forward))
    page = {"previous": last}
    while page["previous"]:
        page = api.get(page["previous"]).json()
        backward += [one["application_name"] for one in page["results"]]
        _come_and_go(rows, 10_000 + len(backward))
    _once(forward)
    _once(backward)


def _streamed(answer: Any) -> Iterator[str]:
    assert answer.status_code == 200
    return (piece.decode() for piece in answer.streaming_content)
