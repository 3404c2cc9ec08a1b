"""Finds every list there is, in the admin and over REST, and every way to ask it: by walking what it offers itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urljoin

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, models
from django.test import Client
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from benchmarks import seed, seeded_rows
from voice.models import Call

_UNKNOWN = "nothing-of-this-kind"
_UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@dataclass
class Values:
    """What people look for: of a column its rarest, most frequent and an unknown value; else words of all kinds."""

    words: tuple[str, ...]
    until: datetime
    searches: tuple[str, ...] = ()
    _found: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def of(self, model: type[models.Model], name: str) -> tuple[str, ...]:
        """Return the values of the column that a parameter names, or all words where it names none."""
        try:
            column: Any = model._meta.get_field(name.partition("__")[0])
        except FieldDoesNotExist:
            return self.words
        if isinstance(column, models.ForeignKey) and not name.endswith("__exact"):
            return self.words  # REST knows it by a name
        if isinstance(column, models.DateTimeField):
            return self.moments
        if isinstance(column, models.BooleanField):
            return ("true", "false")
        return self._of_column(model._meta.db_table, column)

    @cached_property
    def moments(self) -> tuple[str, ...]:
        return tuple((self.until - timedelta(days=days)).astimezone(UTC).isoformat() for days in (1, 40, 89))

    def _of_column(self, table: str, column: Any) -> tuple[str, ...]:
        place = table, column.column
        if place not in self._found:
            asked = 'SELECT "%s"::text FROM "%s" WHERE "%s" IS NOT NULL GROUP BY 1 ORDER BY count(*) %s LIMIT 1'
            found = []
            with connection.cursor() as cursor:
                for order in ("ASC", "DESC"):
                    cursor.execute(asked % (column.column, table, column.column, order))
                    found += [str(value) for (value,) in cursor.fetchall() if value]
            is_id = isinstance(column, models.UUIDField | models.ForeignKey)
            self._found[place] = tuple(dict.fromkeys([*found, _UNKNOWN_ID if is_id else _UNKNOWN]))
        return self._found[place]


def words_of(call: Call) -> tuple[str, ...]:
    """What people type into a search, or give a filter that is no column's."""
    return (
        *(seed.BUSY, seed.OLD, seed.NEW, "application 3", "user: ada", "user: grace", "rule: greet", "+1312", "0123"),
        *(call.from_number, call.to_number, call.call_control_id, call.call_leg_id, call.call_session_id),
        *(
            call.connection_id,
            str(call.pk),
            "nothing-of-this-kind",
            "00000000-0000-4000-8000-000000000000",
            "+4930999999",
        ),
    )


def searches_of(call: Call) -> tuple[str, ...]:
    """What is typed into the search of the call log: each of its words, alone and together."""
    number, last, rare = call.from_number, call.from_number[-4:], seeded_rows.RARE_CAUSE
    return (
        *(
            f"from:{number}",
            f"to:{call.to_number}",
            f"number:{last}",
            f"-from:{last}",
            "from:+4930999999",
            "to:anonymous",
        ),
        *("dir:in", "dir:out", "dir:unknown", "-dir:in", "ending:busy", "ending:we_hung_up", "ending:refused_d13"),
        *(
            "-ending:completed",
            "ending:busy ending:rejected",
            "code:D13",
            "sip:486",
            "sip:200",
            "-sip:200",
            "by:machine",
        ),
        *("who:us", "who:caller", f"cause:{rare}", "cause:normal_clearing", f"-cause:{rare}", "cause:nothing"),
        *(f"app:{call.connection_id}", f"app:{seeded_rows.RARE_CONNECTION}", 'app:"application 3"', "application"),
        *(f"account:{name}" for name in (seed.BUSY, seed.OLD, seed.NEW)),
        *(
            "state:ended",
            "state:lost",
            "is:running",
            "is:lost",
            "is:answered",
            "-is:answered",
            "is:recorded",
            "is:texml",
        ),
        *("is:late", "is:late dir:in", "is:poor", "mos:<3.6", "-mos:<3.6", "cost:>0.1", "cost:>0.1 queue:support"),
        *("queue:support", "-queue:support", "queue:support is:answered", "note:refund", "note:refund dir:in"),
        *("rec:yes", "rec:no", "talk:>60", "talk:<10", "talk:>36000", "setup:>3", "setup:>3600"),
        *(f"session:{call.call_session_id}", f"id:{call.pk}", "id:nothing", "rows:legs", "D13", "SIP 486", "SIP 604"),
        *("since:2h", "since:30d until:29d", "day:2026-11-20", "day:2026-09-20", "since:2026-10-01 until:2026-10-02"),
        *("dir:out cause:user_busy", f"dir:in cause:{rare}", f"app:{seeded_rows.RARE_CONNECTION} dir:out talk:>5"),
        *(f"account:{seed.OLD} rec:yes", f"number:{last} dir:in talk:>1", "since:2026-10-01 cause:user_busy dir:out"),
        *(
            "is:answered talk:<1 sip:200",
            "cause:user_busy who:us rec:yes",
            f"-app:{call.connection_id} is:lost dir:out",
        ),
    )


# --- the admin --------------------------------------------------------------------------------------------------------


def admin_lists() -> list[type[models.Model]]:
    """List the models that have a list in the admin."""
    return sorted(admin.site._registry, key=lambda model: model._meta.label)


class _Page(HTMLParser):
    """Reads what a list offers: its links within itself, and the fields of forms that are asked for by GET."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.choices: dict[str, list[str]] = {}
        self.texts: list[str] = []
        self._in_get, self._select = False, ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._in_get = told.get("method", "get").lower() == "get"
        elif tag == "a" and told.get("href", "").startswith("?"):
            self.links.append(told["href"])
        elif tag == "select" and self._in_get:
            self._select = told.get("name", "")
        elif tag == "option" and self._select and told.get("value"):
            self.choices.setdefault(self._select, []).append(told["value"])
        elif tag == "input" and self._in_get and told.get("name"):
            self._take(told)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in_get = False
        elif tag == "select":
            self._select = ""

    def _take(self, told: dict[str, str]) -> None:
        if told.get("type") in {"radio", "checkbox"}:
            if told.get("value"):
                self.choices.setdefault(told["name"], []).append(told["value"])
        elif told.get("type", "text") in {"text", "search"}:
            self.texts.append(told["name"])


def admin_addresses(client: Client, model: type[models.Model], values: Values) -> Iterator[str]:
    """Every address that the list of the model offers: as it is, by each filter, search and ordering."""
    base = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    page = _Page(client.get(base).content.decode())
    asked = [dict[str, str]()]
    asked += [{name: value} for name, options in page.choices.items() for value in options]
    asked += [{name: value} for name in page.texts for value in _typed(model, name, values)]
    found = [f"{base}?{urlencode(one)}" if one else base for one in asked]
    yield from dict.fromkeys([*found, *(urljoin(base, link) for link in page.links)])


def _typed(model: type[models.Model], name: str, values: Values) -> tuple[str, ...]:
    """What is typed into a field. Of a time, the day: the field of the hour takes none alone."""
    if name == "q":
        return (*values.words, *values.searches) if model is Call else values.words
    if day := re.fullmatch(r"(.+)_(?:from|to)(?:_([01]))?", name):
        return tuple(moment[:10] for moment in values.of(model, day[1])) if day[2] != "1" else ()
    return values.of(model, name)


def turned_in_admin(text: str, relation: str) -> str | None:
    """Return where the next or the previous page of a list is."""
    found = re.search(rf'<a class="portal-link" href="(\?[^"]*)" rel="{relation}"', text)
    return found[1].replace("&amp;", "&") if found else None


# --- REST -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RestList:
    """One list over REST: its path, and its parameters with the values that they are bound to."""

    path: str
    parameters: dict[str, tuple[str, ...]]
    model: type[models.Model] | None


def rest_lists() -> list[RestList]:
    """List what the document of the API calls a list: whatever takes a cursor."""
    generator = SchemaGenerator(api_version="v1")
    document = generator.get_schema(request=None, public=True)
    models_by_path = {path: _model_of(view) for path, _, method, view in _endpoints(generator) if method == "GET"}
    found = []
    for path, operations in sorted(document["paths"].items()):
        given = {one["name"]: one for one in operations.get("get", {}).get("parameters", ()) if one["in"] == "query"}
        if "cursor" in given:
            bound = {name: _bound(one["schema"]) for name, one in given.items() if name not in {"cursor", "page_size"}}
            found.append(RestList(path, bound, models_by_path.get(path)))
    return found


def _endpoints(generator: Any) -> Any:
    generator._initialise_endpoints()
    return [(path, regex, method, view) for path, regex, method, view in generator._get_paths_and_endpoints()]


def _model_of(view: Any) -> type[models.Model] | None:
    queryset = getattr(view, "queryset", None)
    return None if queryset is None else queryset.model


def _bound(schema: dict[str, Any]) -> tuple[str, ...]:
    if schema.get("type") == "boolean":
        return ("true", "false")
    return tuple(map(str, schema.get("enum", schema.get("items", {}).get("enum", ()))))


def rest_addresses(listed: RestList, path: str, values: Values) -> Iterator[str]:
    """Every address of the list at the filled-in ``path``: as it is, in its longest pages, and by each filter."""
    yield path
    yield f"{path}?page_size=250"
    for name, bound in listed.parameters.items():
        column = re.sub("_(after|before)$", "_at", name)
        typed = values.of(listed.model, column) if listed.model and not bound else values.words
        typed = values.searches if name == "q" and listed.model is Call else typed
        yield from (f"{path}?{urlencode({name: value})}" for value in bound or typed)


# --- asking -----------------------------------------------------------------------------------------------------------


def walked_in_admin(client: Client, addresses: Iterator[str]) -> Iterator[tuple[str, int]]:
    """Ask each address, then turn its page forth and back: the address with its status."""
    for address in addresses:
        answer = client.get(address)
        yield address, answer.status_code
        for relation in ("next", "prev"):
            if answer.status_code == 200 and (link := turned_in_admin(answer.content.decode(), relation)):
                answer = client.get(urljoin(address, link))
                yield f"{address} ({relation})", answer.status_code


def walked_over_rest(api: APIClient, addresses: Iterator[str]) -> Iterator[tuple[str, int]]:
    """Ask each address, then turn its page forth and back: the address with its status."""
    for address in addresses:
        answer = api.get(address)
        yield address, answer.status_code
        for relation in ("next", "previous"):
            if answer.status_code == 200 and (link := answer.json().get(relation)):
                answer = api.get(link)
                yield f"{address} ({relation})", answer.status_code
