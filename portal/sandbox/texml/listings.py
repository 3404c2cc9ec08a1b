"""Pages TeXML's lists: ``Page`` from zero, ``PageSize``, ``PageToken``, and the address of the next page.

Telnyx's own examples write that address in several ways (``/v2/texml/Accounts/…``, ``/Accounts/…``, whole URLs), always
with ``.json``: only its query is of use. What there is not, such as a next page, is left out.
"""

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlencode

from portal.json_types import JsonObject
from portal.sandbox.core.errors import unprocessable
from portal.sandbox.core.requests import Request

SIZE, MOST = 20, 1000
_COMPARED = re.compile(r"(>=|<=|>|<)?(.+)", re.DOTALL)


def page(
    rows: list[JsonObject], request: Request, name: str, uri: str, as_json: Callable[[JsonObject], JsonObject]
) -> JsonObject:
    """Return the page asked for; each row has a ``sid``. ``uri`` is the list's address as this list tells it.

    A token holds its place when new rows come; a ``Page`` without one counts from the first row of now.
    """
    size = min(_number(request, "PageSize", SIZE, 1), MOST)
    number = _number(request, "Page", 0, 0)
    token = request.query.get("PageToken")
    start = _place(rows, token) if token is not None else number * size
    shown = rows[start : start + size]
    members: JsonObject = {
        "start": start if shown else 0,
        "end": start + len(shown) - 1 if shown else 0,
        "page": number,
        "page_size": size,
        "uri": _address(uri, number, size, token),
        "first_page_uri": _address(uri, 0, size),
        name: [as_json(row) for row in shown],
    }
    if start + size < len(rows):
        members["next_page_uri"] = _address(uri, number + 1, size, _token(start + size, shown[-1]["sid"]))
    return members


def in_days(rows: list[JsonObject], request: Request, **members: str) -> list[JsonObject]:
    """Keep the rows within the days that the query names. ``members`` tells for each filter where a row has its time.

    ``DateCreated=``, ``DateCreated>=`` (the name holds the sign), ``DateCreated=>=…`` (the value does) and the
    document's ``StartTime_gt`` are all met. A day counts as a whole; inequalities include it.
    """
    for name, value in request.query.items():
        plain = name.removesuffix("_gt").removesuffix("_lt").rstrip("<>")
        if plain in members:
            sign = {"_gt": ">", "_lt": "<"}.get(name.removeprefix(plain), name.removeprefix(plain))
            rows = [row for row in rows if _compares(row.get(members[plain]), sign, value, name)]
    return rows


def _compares(at: float | None, sign: str, value: str, name: str) -> bool:
    found = _COMPARED.fullmatch(value.strip())
    sign, text = (sign or (found[1] or "") if found else sign)[:1], found[2] if found else ""
    try:
        limit = datetime.fromisoformat(text)
    except ValueError:
        detail = f"'{name}' must be a day (YYYY-MM-DD) or a time in ISO 8601."
        raise unprocessable("10015", "Invalid parameter", detail, f"/{name}") from None
    if at is None:
        return False
    moment, limit = datetime.fromtimestamp(at, UTC), limit if limit.tzinfo else limit.replace(tzinfo=UTC)
    if len(text) <= len("2023-05-22"):
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return {">": moment >= limit, "<": moment <= limit}.get(sign, moment == limit)


def _number(request: Request, name: str, default: int, least: int) -> int:
    text = request.query.get(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", text, re.ASCII) or int(text) < least:
        detail = f"The '{name}' parameter must be of type 'integer'"
        raise unprocessable("10026", "Invalid parameter type", detail, f"/{name}")
    return int(text)


def _address(uri: str, number: int, size: int, token: str | None = None) -> str:
    query: JsonObject = {"Page": number, "PageSize": size}
    return f"{uri}?{urlencode(query | ({'PageToken': token} if token else {}))}"


def _token(place: int, sid: str) -> str:
    return base64.urlsafe_b64encode(f"{place} {sid}".encode()).decode().rstrip("=")


def _place(rows: list[JsonObject], token: str) -> int:
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
        place, last = int(text.partition(" ")[0]), text.partition(" ")[2]
    except (binascii.Error, ValueError):
        detail = "'PageToken' is no token of this list."
        raise unprocessable("10015", "Invalid parameter", detail, "/PageToken") from None
    # the row it names may be gone since
    return next((after for after, row in enumerate(rows, 1) if row["sid"] == last), place)
