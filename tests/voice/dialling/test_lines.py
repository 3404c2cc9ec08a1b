"""The page of a batch tells of each line what became of it, and its figures lead to their lines."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.models import AuditEvent, TelnyxAccount
from portal.view_times import TimePreference
from tests.support.batches import begin
from tests.support.factories import make_call
from tests.support.rest import COMMANDS
from tests.support.rows import CallCommand, DialBatch

pytestmark = pytest.mark.django_db
_Status = CallCommand.Status
SENT = datetime(2026, 7, 1, 21, 30, tzinfo=UTC)
ENDED = SENT + timedelta(seconds=12.5)


def _url(batch: DialBatch, at: str = "change/") -> str:
    return f"/admin/voice/dialbatch/{batch.pk}/{at}"


@pytest.fixture
def batch(api: Any, account: TelnyxAccount) -> DialBatch:
    """Ten lines: one in each state that a line can be in, of calls some."""
    made = begin(api, 10)
    lines = list(made.commands.order_by("sequence"))
    calls: list[dict[str, Any]] = [
        {"state": "ended", "ending": "busy", "ending_category": "busy", "ended_by": "callee", "ended_at": ENDED},
        {"state": "answered", "ending": "busy", "ending_category": "busy"},  # it was judged, and lives
        {"state": "ended"},
        {"state": "lost", "ending": "lost", "ending_category": "unknown"},
    ]
    for line, columns in zip(lines, calls, strict=False):
        call = make_call(account, f"leg {line.sequence}", answered_at=SENT, to_number=line.parameters["to"], **columns)
        CallCommand.objects.filter(pk=line.pk).update(status=_Status.OK, call=call, first_sent_at=SENT)
    CallCommand.objects.filter(pk=lines[4].pk).update(status=_Status.OK)
    refused = {"status": _Status.REFUSED, "error": "=1+1: +13125550006 cannot be called", "finished_at": timezone.now()}
    CallCommand.objects.filter(pk=lines[5].pk).update(**refused)
    for line, status in zip(
        lines[6:], (_Status.EXPIRED, _Status.QUEUED, _Status.SENDING, _Status.UNCERTAIN), strict=True
    ):
        CallCommand.objects.filter(pk=line.pk).update(status=status)
    return made


OUTCOMES = {
    "queued": ("Waiting", [8]),
    "sending": ("Being dialled", [9]),
    "running": ("On the line", [2]),
    "accepted": ("Dialled", [5]),
    "ended": ("Over, not judged yet", [3]),
    "busy": ("Busy", [1]),
    "unknown": ("Not known", [4]),
    "refused": ("Refused", [6]),
    "uncertain": ("Uncertain", [10]),
    "expired": ("Not sent", [7]),
}


def _lines(page: Any) -> list[int]:
    return [row[0].sequence for row in page.context["lines"]]


def test_each_figure_counts_the_lines_that_it_leads_to(browser: Client, batch: DialBatch) -> None:
    page = browser.get(_url(batch))
    assert _lines(page) == [*range(1, 11)]
    told = {figure.outcome: (figure.label, figure.count, url) for figure, url in page.context["figures"]}
    assert told == {name: (label, 1, f"?outcome={name}") for name, (label, _) in OUTCOMES.items()}
    for name, (_, expected) in OUTCOMES.items():
        assert _lines(browser.get(_url(batch), {"outcome": name})) == expected
    assert sum(count for _, count, _ in told.values()) == batch.lines


def test_a_line_that_was_sent_and_settled_as_not_done_is_not_told_as_never_sent(
    browser: Client, api: Any, batch: DialBatch
) -> None:
    line = batch.commands.get(sequence=10)
    verdict = {"verdict": "it_did_not"}
    assert api.post(f"{COMMANDS}{line.pk}/settle/", verdict, format="json").json()["status"] == "expired"
    told = {row[0].sequence: row[2] for row in browser.get(_url(batch)).context["lines"]}
    assert (told[7], told[10]) == ("Not sent", "Not carried out")
    for outcome, expected in (("undone", [10]), ("expired", [7]), ("uncertain", [])):
        assert _lines(browser.get(_url(batch), {"outcome": outcome})) == expected


def test_a_page_of_one_outcome_says_so_and_its_file_has_the_same_lines(browser: Client, batch: DialBatch) -> None:
    text = browser.get(_url(batch), {"outcome": "busy"}).content.decode()
    assert 'href="?outcome=busy#lines" aria-current="true"' in text
    assert "Outcome: <b>Busy</b>" in text
    assert '<input type="hidden" name="outcome" value="busy">' in text


def test_a_line_says_why_its_call_ended_and_leads_to_it(browser: Client, operator: Any, batch: DialBatch) -> None:
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin")
    page = browser.get(_url(batch))
    words = [row[2] for row in page.context["lines"]]
    assert words[:4] == ["Busy", "On the line", "Over, not judged yet", "Its end was not reported"]
    text = page.content.decode()
    calls = [row[0].call_id for row in page.context["lines"] if row[0].call_id]
    assert len(calls) == 4
    for call in calls:
        assert f"/admin/voice/call/{call}/change/" in text
    assert "2026-07-01 23:30:00" in text
    assert 'title="2026-07-01 21:30:00 UTC"' in text


def test_of_calls_nothing_is_told_to_who_may_not_see_them(signed_in: Any, batch: DialBatch) -> None:
    viewer = signed_in("voice.view_dialbatch", "voice.view_callcommand")
    page = viewer.get(_url(batch))
    assert [(one.label, one.count) for one, _ in page.context["figures"]] == [
        ("Waiting", 1),
        ("Being dialled", 1),
        ("Dialled", 5),
        ("Refused", 1),
        ("Uncertain", 1),
        ("Not sent", 1),
    ]
    assert "/admin/voice/call/" not in page.content.decode()
    assert _lines(viewer.get(_url(batch), {"outcome": "busy"})) == []
    rows = _csv(viewer.post(_url(batch, "lines.csv")))
    assert {row["outcome"] for row in rows} == {
        "Waiting",
        "Being dialled",
        "Dialled",
        "Refused",
        "Uncertain",
        "Not sent",
    }
    assert not any(row["call_control_id"] or row["answered_at"] or row["talk_seconds"] for row in rows)


def test_numbers_are_masked_alike_on_the_page_and_in_the_file(signed_in: Any, batch: DialBatch) -> None:
    viewer = signed_in("voice.view_dialbatch", "voice.view_callcommand", "voice.view_call")
    text = viewer.get(_url(batch)).content.decode()
    assert "•••0006" in text
    file = b"".join(viewer.post(_url(batch, "lines.csv")).streaming_content).decode()
    assert "+1312•••0006" in file
    for told in (text, file):
        assert "3125550006" not in told.replace(" ", "").replace("-", "")


def _csv(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_lines_are_a_file_that_no_spreadsheet_runs_and_that_is_noted(browser: Client, batch: DialBatch) -> None:
    answer = browser.post(_url(batch, "lines.csv"))
    assert answer.streaming
    rows = _csv(answer)
    assert [row["line"] for row in rows] == [str(at) for at in range(1, 11)]
    assert rows[0] == {
        "line": "1",
        "number": "'+13125550001",
        "outcome": "Busy",
        "status": "ok",
        "sent_at": "2026-07-01T21:30:00Z",
        "call_control_id": "v3:leg 1-leg",
        "answered_at": "2026-07-01T21:30:00Z",
        "talk_seconds": "12.5",
        "error": "",
    }
    assert rows[5]["error"].startswith("'=1+1")
    assert [row["line"] for row in _csv(browser.post(_url(batch, "lines.csv"), {"outcome": "refused"}))] == ["6"]
    noted = AuditEvent.objects.filter(action="batch.export").order_by("id")
    assert [(one.object_id, one.details) for one in noted] == [
        (str(batch.pk), {"outcome": "all"}),
        (str(batch.pk), {"outcome": "refused"}),
    ]


def test_the_file_is_one_to_keep_and_no_page(browser: Client, batch: DialBatch) -> None:
    answer = browser.post(_url(batch, "lines.csv"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="batch-{batch.created_at:%Y-%m-%d-%H%M}Z.csv"'
    assert "no-store" in answer["Cache-Control"]


def test_the_file_takes_the_permission_to_see_lines_and_a_post(
    signed_in: Any, browser: Client, batch: DialBatch
) -> None:
    assert browser.get(_url(batch, "lines.csv")).status_code == 404
    assert browser.post(_url(batch, "lines.csv"), {"outcome": "nonsense"}).status_code == 404
    for lacking in ("voice.view_dialbatch", "voice.view_callcommand"):
        viewer = signed_in(lacking, username=lacking)
        assert viewer.post(_url(batch, "lines.csv")).status_code == 403
    page = signed_in("voice.view_dialbatch", username="looks").get(_url(batch)).content.decode()
    assert "lines.csv" not in page
    assert "0001" not in page
    assert not AuditEvent.objects.filter(action="batch.export").exists()


def test_who_may_see_no_lines_is_told_how_many_are_in_each_status(signed_in: Any, batch: DialBatch) -> None:
    page = signed_in("voice.view_dialbatch").get(_url(batch))
    counts = [("ok", 5), ("sending", 1), ("queued", 1), ("refused", 1), ("uncertain", 1), ("expired", 1)]
    assert [(str(name), count) for name, count in page.context["counts"]] == counts
    assert str(page.context["title"]) == "10 numbers"


@pytest.mark.parametrize("query", [{"p": "nonsense"}, {"outcome": "nonsense"}])
def test_what_is_no_page_and_no_outcome_is_told(browser: Client, batch: DialBatch, query: dict[str, str]) -> None:
    page = browser.get(_url(batch), query)
    assert _lines(page) == [*range(1, 11)]
    assert len(list(page.context["messages"])) == 1


def test_a_thousand_lines_are_paged_and_cost_as_many_statements(
    browser: Client, api: Any, account: TelnyxAccount
) -> None:
    few, many = begin(api, 3), begin(api, 120)
    counts = []
    for batch in (few, many):
        browser.get(_url(batch))  # that somebody saw whole numbers is noted once
        with CaptureQueriesContext(connection) as asked:
            page = browser.get(_url(batch))
        counts.append(len(asked))
    assert counts[0] == counts[1]
    seen = []
    while True:
        seen += _lines(page)
        if not page.context["following"]:
            break
        page = browser.get(_url(many) + page.context["following"].partition("#")[0])
    assert seen == list(range(1, 121))
    page = browser.get(_url(many) + page.context["previous"].partition("#")[0])
    assert _lines(page) == list(range(51, 101))
    page = browser.get(_url(many), {"outcome": "queued"})
    assert page.context["following"].startswith("?outcome=queued&")
