"""The figures as a file: all of them, as numbers, each currency apart; and noted."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from portal.models import AuditEvent, TelnyxAccount
from tests.support.counted_calls import count_all, in_currency, make_calls
from tests.support.factories import CONNECTION
from voice.reports.definitions.catalogue import METRICS

pytestmark = pytest.mark.django_db
DAY = "/admin/voice/reports/?from=2026-03-02&to=2026-03-02"


def test_it_has_each_figure_as_a_number(browser: Client, account: TelnyxAccount) -> None:
    calls = make_calls(account, 200)
    count_all()
    answer = browser.get(f"{DAY}&format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="figures-2026-03-02-2026-03-03.csv"'
    rows = {row["figure"]: row for row in csv.DictReader(io.StringIO(answer.content.decode()))}
    assert {one.name for one in METRICS if not one.is_of_a_currency} <= rows.keys()
    incoming = sum(call.counted_as == "incoming" for call in calls)
    assert (rows["incoming"]["value"], rows["incoming"]["before"]) == (str(incoming), "0")
    assert (rows["acd"]["unit"], rows["acd"]["before"]) == ("seconds", "")
    money = in_currency(calls, "")
    for key, unit in (("usd", "USD"), ("eur", "EUR"), ("none", "")):
        told = rows[f"cost_{key}"]
        assert told["unit"] == unit
        assert float(told["value"]) == pytest.approx(money[f"cost_millionths:{key}"] / 1e6)
    assert rows["price_eur"]["unit"] == "EUR a minute"
    assert AuditEvent.objects.get(action="report.export").details["window"].startswith("2026-03-02 00:00")


def test_what_it_was_of_is_noted(browser: Client, account: TelnyxAccount) -> None:
    asked = {"account": account.name, "app": CONNECTION, "number": "+13125550199", "format": "csv"}
    assert browser.get("/admin/voice/reports/", asked).status_code == 200
    details = AuditEvent.objects.get(action="report.export").details
    told = {"account": account.name, "connection_id": CONNECTION, "number": "+1312•••0199"}
    assert details | told == details


def test_it_is_for_who_may_see_calls_and_of_what_can_be_read(signed_in: Any, account: TelnyxAccount) -> None:
    assert signed_in().get(f"{DAY}&format=csv").status_code == 403
    wrong = signed_in("voice.view_call", username="b").get("/admin/voice/reports/?window=moon&format=csv")
    assert "window: there is none of this name" in wrong.content.decode()
    assert not AuditEvent.objects.filter(action="report.export").exists()
