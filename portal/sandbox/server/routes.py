"""Routes method and path under ``/v2`` to what is done. Everything else is Telnyx's 404."""

import re
from urllib.parse import unquote

from portal.sandbox.calls import dialling
from portal.sandbox.core import records
from portal.sandbox.core.errors import Problem, Refused, not_found
from portal.sandbox.core.exchange import Exchange
from portal.sandbox.core.requests import Answer, Request, Route
from portal.sandbox.resources import applications, audit, connections, number_voice, numbers, profiles
from portal.sandbox.server.call_routes import ROUTES as CALL_ROUTES
from portal.sandbox.server.texml_routes import ROUTES as TEXML_ROUTES


def answer(exchange: Exchange, request: Request) -> Answer:
    """Return status and body for a request under ``/v2``; raises ``Refused``."""
    if not re.fullmatch(r"Bearer KEY\S*", request.headers.get("authorization", "")):
        raise Refused(401, Problem("10009", "Authentication failed", "Send a key that begins with KEY as bearer."))
    for method, pattern, route in _ROUTES:
        match = pattern.fullmatch(request.path)
        if match and method == request.method:
            with exchange.transaction():
                return route(exchange, request, tuple(map(unquote, match.groups())))
    raise not_found()


def _list(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, applications.list_page(exchange, applications.KINDS[at[0]], request.query)


def _create(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 201, applications.create(exchange, applications.KINDS[at[0]], request.body)


def _retrieve(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, applications.retrieve(exchange, applications.KINDS[at[0]], at[1])


def _update(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, applications.update(exchange, applications.KINDS[at[0]], at[1], request.body)


def _delete(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, applications.delete(exchange, applications.KINDS[at[0]], at[1])


def _dial(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, dialling.dial(exchange, request.body)


def _status(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, dialling.status(exchange, at[0])


def _active_calls(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, dialling.active_calls(exchange, at[0], request.query)


def _numbers(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, numbers.list_page(exchange, request.query)


def _number(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, numbers.retrieve(exchange, at[0])


def _change_number(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, numbers.update(exchange, at[0], request.body)


def _delete_number(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, numbers.delete(exchange, at[0])


def _slim_numbers(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, numbers.slim_page(exchange, request.query)


def _voice_of_numbers(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, number_voice.list_page(exchange, request.query)


def _voice_of_number(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, number_voice.retrieve(exchange, at[0])


def _change_voice_of_number(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, number_voice.update(exchange, at[0], request.body)


def _profiles(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, profiles.list_page(exchange, request.query)


def _profile(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, profiles.retrieve(exchange, at[0])


def _make_profile(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, profiles.create(exchange, request.body)


def _change_profile(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, profiles.update(exchange, at[0], request.body)


def _delete_profile(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, profiles.delete(exchange, at[0])


def _connections(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, connections.list_page(exchange, request.query)


def _count_connections(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, connections.count(exchange)


def _connection(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, connections.retrieve(exchange, at[0])


def _audit_events(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, audit.list_page(exchange, request.query)


def _users(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, audit.users(exchange, request.query)


def _user(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, audit.user(exchange, at[0])


def _public_key(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    # in no document; Telnyx's own tools ask for it
    key = {"record_type": "public_key", "public": exchange.courier.public_key, "organization_id": audit.ORGANIZATION}
    return 200, {"data": key}


def _deliveries(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, records.list_page(exchange.store, request.query)


def _delivery(exchange: Exchange, request: Request, at: tuple[str, ...]) -> Answer:
    return 200, records.retrieve(exchange.store, at[0])


_KIND = f"/v2/({'|'.join(applications.KINDS)})"
_CALL = "/v2/calls/([^/]+)"
_ROUTES: tuple[tuple[str, re.Pattern[str], Route], ...] = (
    ("GET", re.compile(_KIND), _list),
    ("POST", re.compile(_KIND), _create),
    ("GET", re.compile(f"{_KIND}/([^/]+)"), _retrieve),
    ("PATCH", re.compile(f"{_KIND}/([^/]+)"), _update),
    ("DELETE", re.compile(f"{_KIND}/([^/]+)"), _delete),
    ("POST", re.compile("/v2/calls"), _dial),
    ("GET", re.compile(_CALL), _status),
    ("GET", re.compile("/v2/connections/([^/]+)/active_calls"), _active_calls),
    *CALL_ROUTES,
    *TEXML_ROUTES,
    ("GET", re.compile("/v2/phone_numbers"), _numbers),
    ("GET", re.compile("/v2/phone_numbers/slim"), _slim_numbers),
    ("GET", re.compile("/v2/phone_numbers/voice"), _voice_of_numbers),
    ("GET", re.compile("/v2/phone_numbers/([^/]+)"), _number),
    ("DELETE", re.compile("/v2/phone_numbers/([^/]+)"), _delete_number),
    ("GET", re.compile("/v2/phone_numbers/([^/]+)/voice"), _voice_of_number),
    ("PATCH", re.compile("/v2/phone_numbers/([^/]+)/voice"), _change_voice_of_number),
    ("PATCH", re.compile("/v2/phone_numbers/([^/]+)"), _change_number),
    ("GET", re.compile("/v2/outbound_voice_profiles"), _profiles),
    ("POST", re.compile("/v2/outbound_voice_profiles"), _make_profile),
    ("GET", re.compile("/v2/outbound_voice_profiles/([^/]+)"), _profile),
    ("PATCH", re.compile("/v2/outbound_voice_profiles/([^/]+)"), _change_profile),
    ("DELETE", re.compile("/v2/outbound_voice_profiles/([^/]+)"), _delete_profile),
    ("GET", re.compile("/v2/connections"), _connections),
    ("GET", re.compile("/v2/connections/count"), _count_connections),
    ("GET", re.compile("/v2/connections/([^/]+)"), _connection),
    ("GET", re.compile("/v2/audit_events"), _audit_events),
    ("GET", re.compile("/v2/organizations/users"), _users),
    ("GET", re.compile("/v2/organizations/users/([^/]+)"), _user),
    ("GET", re.compile("/v2/public_key"), _public_key),
    ("GET", re.compile("/v2/webhook_deliveries"), _deliveries),
    ("GET", re.compile("/v2/webhook_deliveries/([^/]+)"), _delivery),
)
