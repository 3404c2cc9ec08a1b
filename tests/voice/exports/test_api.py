"""Exports over REST: ordered once, followed, fetched as a file as often as it takes, cancelled."""

import csv
import hashlib
import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import AuditEvent, TelnyxAccount
from tests.support.clocks import set_wrong
from tests.support.counted_calls import make_calls
from tests.support.factories import make_call
from tests.support.rest import api_for, problem, send
from voice.call_log import query
from voice.exports import service
from voice.models import CallExport

pytestmark = pytest.mark.django_db
LIST = "/api/v1/exports/"


def order(api: APIClient, **told: Any) -> str:
    answer = send(api, LIST, told)
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == f"{LIST}{answer.json()['id']}/"
    return str(answer["Location"])


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content).decode()


def test_it_is_ordered_followed_and_fetched(api: APIClient, operator: User, account: TelnyxAccount) -> None:
    make_calls(account, 40)
    asked = "dir:incoming -is:lost"
    url = order(api, q=asked, columns=["call_control_id", "from"])
    waiting = api.get(url).json()
    told = {"query": asked, "format": "csv", "columns": ["call_control_id", "from"], "state": "waiting", "rows": 0}
    assert waiting | told == waiting
    answer = api.get(f"{url}file/", headers={"Accept": "text/csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="calls-[\d-]+Z\.csv"', answer["Content-Disposition"])
    text = text_of(answer)
    listed = [one.call_control_id for one in query.read(asked, operator).calls()]
    assert [line["call_control_id"] for line in csv.DictReader(io.StringIO(text))] == listed
    done = api.get(url).json()
    assert (done["state"], done["rows"]) == ("done", len(listed))
    assert done["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert [one["id"] for one in api.get(LIST).json()["results"]] == [done["id"]]


def test_an_account_that_the_address_names_is_refused_and_not_left_out(api: APIClient, account: TelnyxAccount) -> None:
    answer = send(api, f"{LIST}?account={account.name}", {"q": ""})
    assert set(problem(answer, 400)["errors"]) == {"account"}
    assert not CallExport.objects.exists()


def test_asking_for_its_head_begins_nothing(api: APIClient) -> None:
    url = order(api)
    assert api.head(f"{url}file/").status_code == 405
    assert api.get(url).json()["state"] == "waiting"


def test_it_may_be_fetched_once_more_and_is_of_the_moment_of_the_order(api: APIClient, account: TelnyxAccount) -> None:
    make_calls(account, 3)
    url = order(api, q="since:3650d")
    first = text_of(api.get(f"{url}file/"))
    make_call(account, "new", started_at=timezone.now() + timedelta(minutes=1))
    assert text_of(api.get(f"{url}file/")) == first
    actions = (
        AuditEvent.objects.filter(action__startswith="call.export").order_by("id").values_list("action", flat=True)
    )
    assert list(actions) == ["call.export", "call.export_end"] * 2


def test_a_host_whose_clock_is_fast_fetches_none_that_is_being_fetched(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_calls(account, 3)
    url = order(api)
    first = api.get(f"{url}file/")
    set_wrong(monkeypatch, 180)
    problem(api.get(f"{url}file/"), 409)
    assert text_of(first)
    assert api.get(url).json()["state"] == "done"


def test_one_that_is_fetched_anew_after_a_silence_is_not_ended_by_the_first(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 2)
    make_calls(account, 6)
    url = order(api, columns=["call_control_id"])
    first = iter(api.get(f"{url}file/").streaming_content)
    next(first), next(first)
    monkeypatch.setattr(CallExport, "SILENT", timedelta(seconds=-1))  # what was heard just now is long ago
    second = iter(api.get(f"{url}file/").streaming_content)
    text = next(second) + next(second)
    assert b"".join(first).decode().startswith("THIS FILE IS NOT COMPLETE: nothing was heard of it")
    row = CallExport.objects.get()
    assert (row.state, row.rows, row.ended_at) == ("running", 2, None)
    text += b"".join(second)
    row.refresh_from_db()
    assert (row.state, row.rows) == ("done", len(text.splitlines()) - 1)
    assert row.digest == hashlib.sha256(text).hexdigest()
    ends = AuditEvent.objects.filter(action="call.export_end").order_by("id")
    assert [one.details["state"] for one in ends] == ["broken_off", "done"]


def test_an_order_sent_twice_under_one_key_is_one(api: APIClient) -> None:
    key = {"Idempotency-Key": "one"}
    first, again = (send(api, LIST, {"format": "ndjson"}, **key) for _ in range(2))
    assert (first.json(), first.status_code) == (again.json(), 201)
    assert CallExport.objects.count() == 1


def test_a_number_that_is_searched_for_is_in_no_answer_and_is_found(user_with: Any, account: TelnyxAccount) -> None:
    call = make_call(account, from_number="+13125550177")
    api = api_for(user_with("voice.view_call"))
    url = order(api, q="from:+13125550177", format="ndjson", columns=["call_control_id", "from"])
    (line,) = text_of(api.get(f"{url}file/")).splitlines()
    assert json.loads(line) == {"call_control_id": call.call_control_id, "from": "+1312•••0177"}
    for answer in (api.get(url), api.get(LIST)):
        assert "555" not in answer.json().get("query", "555"[:0])
        assert "+1312•••0177" in answer.content.decode()
    assert not any("5550177" in str(one.details) for one in AuditEvent.objects.all())


def test_nobody_sees_fetches_or_cancels_that_of_another(api: APIClient, user_with: Any) -> None:
    url = order(api)
    other = api_for(user_with("voice.view_call"))
    for answer in (other.get(url), other.get(f"{url}file/"), send(other, f"{url}cancel/")):
        problem(answer, 404)
    assert other.get(LIST).json()["results"] == []


def test_it_takes_the_permission_to_see_calls_and_the_scope_of_reports(api: APIClient, user_with: Any) -> None:
    url = order(api)
    for client in (api_for(user_with()), api_for(user_with("voice.view_call", username="b"), "calls:read")):
        for answer in (client.get(LIST), send(client, LIST), client.get(f"{url}file/"), send(client, f"{url}cancel/")):
            problem(answer, 403)
    problem(send(api_for(user_with("voice.view_call", username="c"), "reports:read"), LIST), 403)


def test_one_that_is_cancelled_is_not_fetched(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 2)
    make_calls(account, 20)
    url = order(api)
    parts = iter(api.get(f"{url}file/").streaming_content)
    next(parts), next(parts)
    assert api.get(url).json()["state"] == "running"
    problem(api.get(f"{url}file/"), 409, "export_refused")
    assert send(api, f"{url}cancel/").json()["state"] == "cancelled"
    assert "THIS FILE IS NOT COMPLETE: it was cancelled." in b"".join(parts).decode()
    problem(api.get(f"{url}file/"), 409, "export_refused")
    waiting = order(api)
    assert send(api, f"{waiting}cancel/").json()["state"] == "cancelled"
    problem(api.get(f"{waiting}file/"), 409)


def test_one_that_is_cancelled_stays_so_when_nobody_takes_the_rest(
    api: APIClient, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 2)
    make_calls(account, 20)
    url = order(api)
    answer = api.get(f"{url}file/")
    parts = iter(answer.streaming_content)
    next(parts), next(parts)
    assert send(api, f"{url}cancel/").json()["state"] == "cancelled"
    for close in answer._resource_closers:  # as a server does; ``close()`` would end the test's connection, too
        close()
    assert (api.get(url).json()["state"], api.get(url).json()["rows"]) == ("cancelled", 2)
    assert AuditEvent.objects.get(action="call.export_end").details["state"] == "cancelled"
    problem(api.get(f"{url}file/"), 409, "export_refused")


def test_too_many_at_a_time_are_refused_when_they_are_fetched(api: APIClient, operator: User) -> None:
    lost = [CallExport.objects.create(user=operator, format="csv", bound=timezone.now()) for _ in range(2)]
    url = order(api)
    assert "exports are running" in problem(api.get(f"{url}file/"), 409)["detail"]
    assert api.get(url).json()["state"] == "waiting"
    CallExport.objects.update(seen_at=timezone.now() - CallExport.SILENT * 2)  # their process is gone
    assert api.get(f"{LIST}{lost[0].pk}/").json()["state"] == "broken_off"
    assert "started_at" in text_of(api.get(f"{url}file/"))


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"format": "pdf"}, "format"),
        ({"columns": ["facts"]}, "columns.0"),
        ({"columns": "from"}, "columns"),
        ({"q": "colour:red"}, "q"),
        ({"q": "x" * 1001}, "q"),
        ({"query": "dir:in"}, "query"),
    ],
)
def test_what_cannot_be_exported_is_said_by_name(api: APIClient, told: dict[str, Any], field: str) -> None:
    assert field in problem(send(api, LIST, told), 400)["errors"]
    assert not CallExport.objects.exists()
