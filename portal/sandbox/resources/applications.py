"""Serves both kinds of application: list, create, retrieve, update, delete, each with Telnyx's defaults.

Paths ``/call_control_applications`` and ``/texml_applications``. What the documentation leaves open is decided so:
an update keeps every member it does not name, also inside ``inbound`` and ``outbound``; null is taken wherever null is
the default; a page or sort that the documentation does not know is refused.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.json_types import JsonObject
from portal.sandbox import clock
from portal.sandbox.core import pages
from portal.sandbox.core.errors import bad_request, check, not_found, unprocessable
from portal.sandbox.core.events import timestamp
from portal.sandbox.core.exchange import CALL_CONTROL, TEXML, Exchange
from portal.sandbox.core.ids import new_id
from portal.sandbox.resources import audit, numbers

_MAX_URL = 2000
_SHARED: JsonObject = {
    "active": True,
    "anchorsite_override": "Latency",
    "call_cost_in_webhooks": False,
    "dtmf_type": "RFC 2833",
    "first_command_timeout": False,
    "first_command_timeout_secs": 30,
    "inbound": {
        "channel_limit": None,
        "shaken_stir_enabled": False,
        "sip_subdomain": None,
        "sip_subdomain_receive_settings": "from_anyone",
    },
    "outbound": {"channel_limit": None, "outbound_voice_profile_id": None},
    "tags": [],
}


@dataclass(frozen=True)
class Kind:
    """Describes one of the two resources: its names and defaults, filters by query name, page size unless told."""

    path: str
    record_type: str
    name: str
    urls: tuple[str, ...]
    defaults: JsonObject
    name_filter: str
    profile_filter: str
    sorts: dict[str, str]
    page_size: int


KINDS = {
    CALL_CONTROL: Kind(
        path=CALL_CONTROL,
        record_type="call_control_application",
        name="application_name",
        urls=("webhook_event_url", "webhook_event_failover_url"),
        defaults=_SHARED
        | {
            "redact_dtmf_debug_logging": False,
            "webhook_api_version": "1",
            "webhook_event_failover_url": "",
            "webhook_timeout_secs": None,
        },
        name_filter="filter[application_name][contains]",
        profile_filter="filter[outbound.outbound_voice_profile_id]",
        sorts={"created_at": "created_at", "connection_name": "application_name", "active": "active"},
        page_size=20,
    ),
    TEXML: Kind(
        path=TEXML,
        record_type="texml_application",
        name="friendly_name",
        urls=("voice_url", "voice_fallback_url", "status_callback"),
        defaults=_SHARED
        | {
            "status_callback": None,
            "status_callback_method": "post",
            "voice_fallback_url": None,
            "voice_method": "post",
        },
        name_filter="filter[friendly_name]",
        profile_filter="filter[outbound_voice_profile_id]",
        sorts={"created_at": "created_at", "friendly_name": "friendly_name", "active": "active"},
        page_size=250,
    ),
}


def list_page(exchange: Exchange, kind: Kind, query: dict[str, str]) -> JsonObject:
    """Return one page, newest first unless sorted otherwise."""
    rows = _sorted(kind, _filtered(kind, exchange.store.applications(kind.path), query), query.get("sort"))
    return pages.page(rows, query, kind.page_size)


def create(exchange: Exchange, kind: Kind, body: JsonObject) -> JsonObject:
    _check(kind, "create", body)
    now = exchange.now()
    application = _merged(kind.defaults, body) | {
        "id": new_id(now),
        "record_type": kind.record_type,
        "created_at": timestamp(now, "milliseconds"),
        "updated_at": timestamp(now, "milliseconds"),
    }
    exchange.store.save_application(kind.path, application)
    audit.note(exchange, {}, application, audit.OWNER)
    return {"data": application}


def retrieve(exchange: Exchange, kind: Kind, id: str) -> JsonObject:
    application = exchange.store.application(kind.path, id)
    if application is None:
        raise not_found()
    return {"data": application}


def update(exchange: Exchange, kind: Kind, id: str, body: JsonObject, by: audit.Editor = audit.OWNER) -> JsonObject:
    before = retrieve(exchange, kind, id)["data"]
    _check(kind, "update", body)
    application = _merged(before, body) | {"updated_at": timestamp(clock.time(), "milliseconds")}
    exchange.store.save_application(kind.path, application)
    audit.note(exchange, before, application, by)
    return {"data": application}


def delete(exchange: Exchange, kind: Kind, id: str, by: audit.Editor = audit.OWNER) -> JsonObject:
    """Delete it; the answer is the object as it was. Its calls go on, and tell nobody.

    With a number attached it is refused, as seen in production; the code is not known, 10021 is "in use" elsewhere.
    """
    answer = retrieve(exchange, kind, id)
    if numbers.attached(exchange, id):
        detail = "The application is in use by a number: take that from it first."
        raise unprocessable("10021", "Resource in use", detail, "/id")
    exchange.store.delete_application(id)
    audit.note(exchange, answer["data"], {}, by)
    return answer


def _filtered(kind: Kind, applications: list[JsonObject], query: dict[str, str]) -> list[JsonObject]:
    # the other documented filters are those of call events and conferences, and filter nothing here
    part, profile = query.get(kind.name_filter), query.get(kind.profile_filter)
    if part is not None and len(part) < 3:
        raise pages.bad_filter(kind.name_filter, "needs at least three characters")
    if part is not None:
        applications = [
            application for application in applications if part.casefold() in application[kind.name].casefold()
        ]
    if profile is not None:
        applications = [
            application
            for application in applications
            if application["outbound"]["outbound_voice_profile_id"] == profile
        ]
    return applications


def _sorted(kind: Kind, applications: list[JsonObject], sort: str | None) -> list[JsonObject]:
    name = (sort or "-created_at").removeprefix("-")
    if name not in kind.sorts:
        raise bad_request(f"'sort' must be one of {', '.join(kind.sorts)}, with - for descending.", "/sort")
    member, descending = kind.sorts[name], sort is None or sort.startswith("-")
    return sorted(
        applications, key=lambda application: (application[member], int(application["id"])), reverse=descending
    )


def _check(kind: Kind, verb: str, body: JsonObject) -> None:
    check(f"{kind.path}.{verb}", _without_default_nulls(body, kind.defaults))
    if not body[kind.name].strip():
        detail = f"'{kind.name}' is required and may not be blank."
        raise unprocessable("10004", "Missing required parameter", detail, f"/{kind.name}")
    for name in kind.urls:
        _check_url(name, body.get(name), required=name == kind.urls[0])
    timeout = body.get("webhook_timeout_secs")
    if timeout is not None and not 0 <= timeout <= 30:
        detail = "'webhook_timeout_secs' must be from 0 to 30."
        raise unprocessable("10033", "Value outside of range", detail, "/webhook_timeout_secs")


def _check_url(name: str, url: str | None, *, required: bool) -> None:
    if not url and not required:
        return
    if not _is_url(url or ""):
        detail = f"'{name}' must be an http or https URL of at most {_MAX_URL} characters."
        raise unprocessable("10015", "Invalid URL", detail, f"/{name}")


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port or 1) > 0
            and len(url) <= _MAX_URL
        )
    except ValueError:
        return False


def _without_default_nulls(body: JsonObject, defaults: JsonObject) -> JsonObject:
    """Return ``body`` less the nulls that are Telnyx's own defaults, though its schema gives them no null."""
    kept: JsonObject = {}
    for name, value in body.items():
        if isinstance(value, dict) and isinstance(defaults.get(name), dict):
            kept[name] = _without_default_nulls(value, defaults[name])
        elif value is not None or name not in defaults or defaults[name] is not None:
            kept[name] = value
    return kept


def _merged(before: JsonObject, body: JsonObject) -> JsonObject:
    nested = {name: before[name] | body[name] for name in ("inbound", "outbound") if name in body}
    return before | body | nested
