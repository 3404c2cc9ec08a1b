"""Calls are taken out as a file: exactly those that the search shows, as who asks may see them."""

import csv
import hashlib
import io
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from portal.models import AuditEvent, TelnyxAccount
from portal.view_times import TimePreference
from tests.support.counted_calls import make_calls
from tests.support.factories import FROM, make_call
from voice.call_log import query
from voice.exports import service
from voice.exports.columns import COLUMNS, SHOWN
from voice.models import Call, CallExport, CallNote
from voice.notes import notes

pytestmark = pytest.mark.django_db
ADDRESS = "/admin/voice/call/export/"
SEARCHES = (
    "",
    "dir:incoming",
    "-dir:incoming",
    "ending:busy",
    "who:caller dir:outgoing",
    "talk:>60",
    "setup:<3 is:answered",
    "app:1293384261075731499",
    "from:+13125550199",
    "number:0199",
    "metric:incoming.abandoned",
    "metric:talked is:bridged",
    "since:2026-03-02T10:30Z until:2026-03-02T11:15Z -is:lost",
)


def ask(client: Client, **told: Any) -> Any:
    return client.post(ADDRESS, {"id": str(uuid.uuid4()), "format": "csv", "which": "shown", "q": "", **told})


def text_of(answer: Any) -> str:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def lines_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(answer))))


@pytest.mark.parametrize("asked", SEARCHES)
def test_a_file_has_the_rows_of_the_list(
    browser: Client, operator: User, account: TelnyxAccount, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 17)
    make_calls(account, 120)
    listed = [one.call_control_id for one in query.read(asked, operator).calls()]
    assert listed
    lines = lines_of(ask(browser, q=asked, which="chosen", columns=["call_control_id", "ending_category"]))
    assert [line["call_control_id"] for line in lines] == listed
    export = CallExport.objects.get()
    assert (export.state, export.rows) == ("done", len(listed))


def test_a_file_is_named_by_its_time_in_utc_whatever_zone_its_asker_reads(
    browser: Client, operator: User, account: TelnyxAccount
) -> None:
    TimePreference.objects.create(user=operator, time_zone="Europe/Berlin")
    make_call(account)
    answer = ask(browser)
    assert lines_of(answer)
    bound = CallExport.objects.get().bound
    assert answer["Content-Disposition"] == f'attachment; filename="calls-{bound:%Y-%m-%d-%H%M}Z.csv"'


@pytest.mark.parametrize("form", ["csv", "spreadsheet", "ndjson"])
def test_each_format_tells_the_same(browser: Client, account: TelnyxAccount, form: str) -> None:
    call = make_call(
        account,
        state="ended",
        ended_at=timezone.now(),
        ending="hung_up",
        ending_category="completed",
        ended_by="caller",
        cost="0.0045",
        has_recording=True,
    )
    text = text_of(ask(browser, q="is:ended", format=form, which="all"))
    if form == "ndjson":
        (told,) = [json.loads(line) for line in text.splitlines()]
        assert told["has_recording"] is True
        assert told["talk_seconds"] == call.talk_seconds
        assert told["bridged_at"] is None
    else:
        assert text.startswith("\ufeff") == (form == "spreadsheet")
        (told,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
        assert told["has_recording"] == "true"
        assert float(told["talk_seconds"]) == call.talk_seconds
    assert list(told) == [column.name for column in COLUMNS]
    assert told["from"] == (f"'{FROM}" if form == "spreadsheet" else FROM)
    assert told["ending_words"] == "The caller hung up"
    assert told["account"] == account.name
    assert told["started_at"].endswith("Z")


@pytest.mark.parametrize("form", ["csv", "spreadsheet", "ndjson"])
def test_an_amount_has_its_currency_beside_it(browser: Client, account: TelnyxAccount, form: str) -> None:
    for at, (cost, currency) in enumerate([("0.0045", "USD"), ("0.0045", "EUR"), ("0.0040", "")]):
        make_call(account, f"{at}", cost=cost, currency=currency, started_at=timezone.now() - timedelta(minutes=at))
    asked = {"q": f"account:{account.name}", "which": "chosen", "columns": ["cost", "currency"]}
    text = text_of(ask(browser, format=form, **asked)).removeprefix("\ufeff")
    as_json = [json.loads(line) for line in text.splitlines()] if form == "ndjson" else []
    told = as_json or list(csv.DictReader(io.StringIO(text)))
    assert [(one["cost"], one["currency"] or "") for one in told] == [
        ("0.0045", "USD"),
        ("0.0045", "EUR"),
        ("0.0040", ""),
    ]


def test_numbers_are_masked_for_who_may_not_see_them(signed_in: Any, account: TelnyxAccount) -> None:
    make_calls(account, 30)
    make_call(account, hangup_cause="call of +13125550177 failed", to_number="sip:13125550199@example.com")
    client = signed_in("voice.view_call")
    for form in ("csv", "spreadsheet", "ndjson"):
        text = text_of(ask(client, format=form, which="all"))
        assert "0101" in text
        assert not re.search(r"312555\d{4}", text)
    assert not CallExport.objects.filter(shows_numbers=True).exists()
    assert not any(re.search(r"312555\d{4}", str(one.details)) for one in AuditEvent.objects.all())


def test_it_takes_the_permission_to_see_calls(signed_in: Any) -> None:
    client = signed_in()
    assert client.get(ADDRESS).status_code == 403
    assert ask(client).status_code == 403
    assert client.get(f"{ADDRESS}progress/").status_code == 403


def test_it_is_in_the_audit_trail_with_what_came_of_it(browser: Client, account: TelnyxAccount) -> None:
    make_calls(account, 5)
    text = text_of(ask(browser, q="from:+13125550199"))
    begun, ended = AuditEvent.objects.filter(action__startswith="call.export").order_by("id")
    assert begun.details["query"] == "from:+1312•••0199"
    assert ended.details["state"] == "done"
    assert ended.details["rows"] == len(text.splitlines()) - 1
    assert ended.details["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_what_began_later_is_not_in_it(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 2)
    now = timezone.now()
    for at in range(5):
        make_call(account, f"old-{at}", started_at=now - timedelta(minutes=at))
    make_call(account, "future", started_at=now + timedelta(hours=1))
    answer = ask(browser, which="chosen", columns=["call_control_id"])
    parts = iter(answer.streaming_content)
    found = next(parts) + next(parts)
    make_call(account, "new", started_at=timezone.now())
    found += b"".join(parts)
    assert found.count(b"v3:old-") == 5
    assert b"v3:new" not in found
    assert b"v3:future" not in found


def test_one_that_is_cancelled_ends_and_says_so(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 2)
    make_calls(account, 20)
    parts = iter(ask(browser).streaming_content)
    begun = next(parts) + next(parts)
    export = CallExport.objects.get()
    assert "Cancel" in browser.get(f"{ADDRESS}progress/").content.decode()
    assert browser.get(f"{ADDRESS}{export.pk}/cancel/").status_code == 405
    assert browser.post(f"{ADDRESS}{export.pk}/cancel/").status_code == 302
    rest = b"".join(parts).decode()
    assert "THIS FILE IS NOT COMPLETE: it was cancelled." in rest
    assert len((begun.decode() + rest).splitlines()) == 1 + 2 + 1
    export.refresh_from_db()
    assert (export.state, export.digest) == ("cancelled", "")
    browser.post(f"{ADDRESS}{export.pk}/cancel/")
    assert AuditEvent.objects.filter(action="call.export_cancel").count() == 1


def test_nobody_cancels_the_export_of_another(browser: Client, signed_in: Any, account: TelnyxAccount) -> None:
    make_calls(account, 3)
    answer = ask(browser)
    export = CallExport.objects.get()
    assert signed_in("voice.view_call").post(f"{ADDRESS}{export.pk}/cancel/").status_code == 404
    assert "not complete" not in text_of(answer).lower()


def test_one_that_the_database_fails_says_so_in_its_last_line(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_calls(account, 3)
    monkeypatch.setattr(service, "PAGE", 1)
    answer = ask(browser, format="ndjson")

    def fails(*_: Any) -> None:
        raise OperationalError

    parts = iter(answer.streaming_content)
    next(parts), next(parts)
    monkeypatch.setattr(service, "_tell", fails)
    last = b"".join(parts).decode().splitlines()[-1]
    assert "did not answer in time" in json.loads(last)["incomplete"]
    assert CallExport.objects.get().state == "failed"


def test_what_the_search_did_not_look_at_is_said_in_the_last_line(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    for leg in "ab":
        CallNote.objects.create(call=make_call(account, leg), text="refund", written_by="ada", at=timezone.now())
    assert "NOT COMPLETE" not in text_of(ask(browser, q="note:refund"))
    monkeypatch.setattr(notes, "MOST_NOTED", 1)
    lines = text_of(ask(browser, q="note:refund", format="ndjson")).splitlines()
    told = "note: Only the 1 calls that were noted last count."
    assert (len(lines), json.loads(lines[-1])) == (2, {"incomplete": told})
    whole, cut = CallExport.objects.order_by("begun_at")
    assert (whole.state, whole.rows, whole.error) == ("done", 2, "")
    assert (cut.state, cut.rows, cut.error) == ("done", 1, told)
    assert told in browser.get(f"{ADDRESS}progress/").content.decode()


def test_one_that_nobody_takes_any_more_is_broken_off(
    browser: Client, account: TelnyxAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 1)
    make_calls(account, 3)
    answer = ask(browser)
    parts = iter(answer.streaming_content)
    next(parts), next(parts)
    for close in answer._resource_closers:  # as a server does; ``close()`` would end the test's connection, too
        close()
    assert CallExport.objects.get().state == "broken_off"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"format": "pdf"}, "format: There is no such format"),
        ({"which": "chosen", "columns": ["facts"]}, "columns: There is no column facts"),
        ({"which": "chosen"}, "columns: Tick at least one"),
        ({"q": "colour:red"}, "q: "),
        ({"id": "7"}, "id: This form is not complete"),
    ],
)
def test_what_cannot_be_exported_is_said_by_name(browser: Client, told: dict[str, Any], said: str) -> None:
    answer = ask(browser, **told)
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not CallExport.objects.exists()


def test_what_was_chosen_stays_chosen_where_it_is_refused(browser: Client) -> None:
    def chosen(html: str) -> list[str]:
        return re.findall(r'value="(\w+)"[^>]* checked', html.partition('name="id"')[2].partition("</form>")[0])

    assert chosen(browser.get(ADDRESS).content.decode()) == ["spreadsheet", "shown", *SHOWN]
    told = {"q": "colour:red", "format": "ndjson", "which": "chosen", "columns": ["cost", "to"]}
    assert chosen(ask(browser, **told).content.decode()) == ["ndjson", "chosen", "to", "cost"]
    assert chosen(ask(browser, format="pdf", which="all").content.decode()) == ["spreadsheet", "all"]


def test_a_form_that_is_sent_twice_exports_once(browser: Client) -> None:
    identifier = str(uuid.uuid4())
    text_of(ask(browser, id=identifier))
    answer = ask(browser, id=identifier)
    assert answer.status_code == 400
    assert "has begun already" in answer.content.decode()


def test_too_many_at_a_time_are_refused(browser: Client, account: TelnyxAccount, operator: User) -> None:
    for _ in range(service.MOST_OF_ONE):
        CallExport.objects.create(user=operator, format="csv", bound=timezone.now())
    assert "exports are running" in ask(browser).content.decode()
    CallExport.objects.update(seen_at=timezone.now() - CallExport.SILENT * 2)  # their process is gone
    assert "started_at" in text_of(ask(browser))


def test_the_page_offers_what_the_list_shows(browser: Client, account: TelnyxAccount) -> None:
    html = browser.get(f"{ADDRESS}?q=dir:incoming").content.decode()
    assert 'value="dir:incoming"' in html
    assert all(f'value="{column.name}"' in html for column in COLUMNS)
    assert SHOWN[0] in html
    assert f"{ADDRESS}?q=dir%3Aincoming" in browser.get("/admin/voice/call/?q=dir:incoming").content.decode()


def test_it_reads_as_many_statements_a_page_whatever_there_is(
    browser: Client, account: TelnyxAccount, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PAGE", 50)
    make_calls(account, 400)
    answer = ask(browser, which="all")
    with django_assert_max_num_queries(2 * 9 + 10):  # a page and its mark each; the names; the end
        assert len(text_of(answer).splitlines()) == 1 + Call.objects.count()
