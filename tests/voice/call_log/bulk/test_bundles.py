"""The bundles of many calls are one zip: each session once, as its asker may see it."""

import io
import json
import uuid
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from portal.models import AuditEvent, TelnyxAccount
from portal.view_times import TimePreference
from tests.support.call_pages import LOG
from tests.support.ending_rows import BY_ID, store
from tests.support.factories import FROM, make_call
from tests.support.rows import Call
from voice.call_log.bulk import bundles

pytestmark = [pytest.mark.django_db, pytest.mark.alone("it takes what a search finds, of every account")]
MANY = f"{LOG}many/"


@pytest.fixture
def calls(account: TelnyxAccount) -> list[Call]:
    """A session of two legs, and a call of its own."""
    store(account, BY_ID["p05-transferred-target-left-first"])
    make_call(account, "z", call_session_id=str(uuid.uuid4()), started_at=timezone.now() - timedelta(minutes=9))
    return list(Call.objects.order_by("-started_at", "-id"))


def taken(client: Client) -> zipfile.ZipFile:
    page = client.post(MANY, {"scope": "all"})
    form = {"scope": "all", "until": page.context["until"], "count": len(page.context["chosen"].ids)}
    answer = client.post(MANY, form | {"do": "bundle"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))


def within(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    packed = zipfile.ZipFile(io.BytesIO(archive.read(name)))
    return {one: packed.read(one).decode() for one in packed.namelist()}


def test_each_session_is_bundled_once_as_on_the_page_of_its_call(browser: Client, calls: list[Call]) -> None:
    assert len(calls) == 3
    archive = taken(browser)
    lines = [json.loads(line) for line in archive.read("calls.ndjson").decode().splitlines()]
    assert archive.namelist() == [*(line["file"] for line in lines), "calls.ndjson"]
    assert sorted(leg for line in lines for leg in line["legs"]) == sorted(call.call_control_id for call in calls)
    assert len(lines) == 2
    for line in lines:
        pk = line["file"].removeprefix("call-").removesuffix(".zip")
        alone = zipfile.ZipFile(io.BytesIO(browser.get(f"{LOG}{pk}/bundle/").content))
        here = within(archive, line["file"])
        assert sorted(here) == sorted(alone.namelist())
        assert here["call.json"] == alone.read("call.json").decode()
    noted = AuditEvent.objects.get(action="call.bundle_many").details
    assert noted == {"query": "every call", "count": 3, "shows_numbers": True}
    assert AuditEvent.objects.filter(action="call.bundle").count() == 4  # each of them, and each as a page of its own


def test_the_zip_is_named_by_the_time_in_utc_whatever_zone_its_asker_reads(
    browser: Client, operator: User, calls: list[Call]
) -> None:
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin")
    before, page = timezone.now(), browser.post(MANY, {"scope": "all"})
    form = {"scope": "all", "until": page.context["until"], "count": 3, "do": "bundle"}
    answer = browser.post(MANY, form)
    assert b"".join(answer.streaming_content)
    names = {f'attachment; filename="calls-{at:%Y-%m-%d-%H%M}Z.zip"' for at in (before, timezone.now())}
    assert answer["Content-Disposition"] in names


def test_numbers_are_masked_in_each(user_with: Any, calls: list[Call]) -> None:
    client = Client()
    client.force_login(user_with("Support"))
    archive = taken(client)
    told = "".join(
        text for name in archive.namelist() if name.endswith(".zip") for text in within(archive, name).values()
    )
    assert "•••" in told
    assert FROM[2:] not in told + archive.read("calls.ndjson").decode()
    assert AuditEvent.objects.get(action="call.bundle_many").details["shows_numbers"] is False


def test_more_than_the_bound_is_refused_in_words(
    browser: Client, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MOST", 2)
    page = browser.post(MANY, {"scope": "all"})
    assert "At most 2 calls at a time are bundled" in page.content.decode()
    form = {"scope": "all", "until": page.context["until"], "count": 3, "do": "bundle"}
    refused = browser.post(MANY, form)
    assert (refused.status_code, "At most 2 calls at a time are bundled; these are 3." in refused.content.decode()) == (
        400,
        True,
    )
    assert not AuditEvent.objects.filter(action="call.bundle_many").exists()


def test_one_that_could_not_be_finished_says_so(
    browser: Client, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = bundles.bundle.packed

    def fails(session: Any, *given: Any) -> bytes:
        if session.call.pk == calls[-1].pk or len(session.legs) > 1:
            raise OperationalError
        return packed(session, *given)

    monkeypatch.setattr(bundles.bundle, "packed", fails)
    archive = taken(browser)
    assert archive.testzip() is None
    assert "not whole" in archive.read("not-whole.txt").decode()
