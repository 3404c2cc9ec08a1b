"""No page and no answer tells a caller's number to who may not see it: a crawl of everything that there is."""

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from zipfile import ZipFile

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import models
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from portal import keyset
from portal.models import TelnyxAccount
from portal.runtime.logs import formatter
from tests.badinput import rows
from tests.badinput.test_admin import addresses, lists
from tests.support.conferences import telnyx
from tests.support.hidden_numbers import Places, fill, own_account, payload, telnyx_answers
from tests.support.rest import api_for
from voice.models import BulkAction

WHOLE = "view_full_number"
# Shown nobody: what is sent and kept, what only a search reads, who finished what the crawl leaves open, what an export
# searches for again, what one that failed says; counts of a number that had no call in the window of a report.
NOWHERE = (
    "AlertNotice.body",
    "BulkAction.items",
    "Call.from_reversed",
    "Call.to_reversed",
    "DialBatch.intent",
    "Contact.name_folded",
    "Contact.company_folded",
    "FollowUp.done_by",
    "CallExport.asked",
    "CallExport.columns",
    "CallExport.digest",
    "CallExport.error",
    "ChosenColumns.names",
    "RollUp.number",
)
_EXPORTS = [
    f"/admin/applications/{kind}application/export/{form}/"
    for kind in ("callcontrol", "texml")
    for form in ("csv", "json")
]


def paths_of_the_api(made: dict[Any, Any]) -> Iterator[str]:
    document = SchemaGenerator(api_version="v1").get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    for path, verbs in document["paths"].items():
        if "get" in verbs:
            query = "?connection_id=1293384261075731499" if "active-calls" in path else ""
            yield rows.address(path, made) + query


@pytest.fixture
def places() -> Places:
    return Places()


@pytest.fixture
def made(account: TelnyxAccount, places: Places) -> Iterator[dict[Any, Any]]:
    with telnyx(**telnyx_answers(places)) as wire:
        own_account(account, wire.url)
        account.refresh_from_db()
        found = rows.one_of_each(account, User.objects.create_user("bystander"))
        fill(found, places)
        yield found


@pytest.fixture
def each_page_has_a_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that each list writes down where its last row lies."""
    read = keyset.page

    def page(queryset: Any, ordering: Any, place: keyset.Place, size: int) -> keyset.Page:
        found = read(queryset, ordering, place, size)
        columns = [column for one in ordering for column in keyset._columns(queryset, one)]
        last = keyset.Place(False, keyset._values(found.rows[-1], columns)) if found.rows else None
        return replace(found, next=last)

    monkeypatch.setattr(keyset, "page", page)


@pytest.fixture
def nearly_all(user_with: Any) -> User:
    """Who may do everything but see whole numbers."""
    user: User = user_with(username="nearly-all")
    user.user_permissions.set(Permission.objects.exclude(codename=WHOLE))
    return User.objects.get(pk=user.pk)


def pages_of(user: User, client: Client, made: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    """Everything that this person is answered, headers too, by address."""
    client.force_login(user)
    client.raise_request_exception = False
    BulkAction.objects.update(user=user)  # its page is shown to nobody else
    for address in dict.fromkeys([*addresses(made), *lists(), *_EXPORTS]):
        yield address, whole(client.get(address))
    api = api_for(user)
    for address in paths_of_the_api(made):
        yield address, whole(api.get(address))


def whole(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    if answer.headers.get("Content-Type") == "application/zip":
        with ZipFile(io.BytesIO(content)) as archive:
            content = b"\n".join(archive.read(name) for name in archive.namelist())
    return f"{answer.status_code} {dict(answer.headers)}\n{content.decode()}"


def test_nobody_without_the_right_is_told_a_number(
    client: Client,
    nearly_all: User,
    made: Any,
    places: Places,
    each_page_has_a_next: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    lines = formatter()
    told, seen = [], 0
    for address, text in pages_of(nearly_all, client, made):
        seen += text.startswith("200")
        assert not text.startswith("5"), f"{address}: {text[:300]}"
        told += [f"{address}: {place}" for place in sorted(places.found_in(text))]
    assert seen > 120
    assert told == [], "\n".join(told)
    logging.getLogger("crawl").warning("heard %s", payload(places, "a log line"))
    logged = "\n".join(lines.format(record) for record in caplog.records)
    assert "heard" in logged
    assert places.found_in(logged) == set()


def pieces(row: Any, places: Places) -> Iterator[str]:
    """Beginnings and a middle of what stands in a column of ``row``, with a part of a number and not all of it."""
    for field in row._meta.concrete_fields:
        text = getattr(row, field.attname)
        if not isinstance(field, models.CharField | models.TextField) or not text:
            continue
        for at in [text.index(number) for number in places.numbers.values() if number in text]:
            yield from (text[: at + 1], text[: at + 8], text[at : at + 8])


def test_no_search_reads_a_hidden_number_piece_by_piece(
    client: Client, nearly_all: User, made: Any, places: Places
) -> None:
    client.force_login(nearly_all)
    read, tried = [], 0
    for model, row in made.items():
        shown = admin.site._registry.get(model)
        if shown is None or not shown.search_fields:
            continue
        row.refresh_from_db()
        address = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for piece in pieces(row, places):
            answer, tried = client.get(address, {"q": piece}), tried + 1
            found = answer.context["cl"].result_list if answer.context else []
            read += [f"{address}?q={piece}" for one in found if one.pk == row.pk]
    assert tried > 10
    assert read == [], "\n".join(read)


def test_support_is_told_no_number(client: Client, user_with: Any, made: Any, places: Places) -> None:
    told, seen = [], 0
    for address, text in pages_of(user_with("Support"), client, made):
        seen += text.startswith("200")
        told += [f"{address}: {place}" for place in sorted(places.found_in(text))]
    assert seen > 50
    assert told == [], "\n".join(told)


def test_who_may_see_them_is_shown_them(client: Client, operator: User, made: Any, places: Places) -> None:
    """Else the crawl above would pass on pages that show nothing."""
    told: set[str] = set()
    for _, text in pages_of(operator, client, made):
        told |= places.found_in(text)
    assert [place for place in sorted(places.numbers.keys() - told) if not place.startswith(NOWHERE)] == []
