"""Pages lists by number (``page[number]``, ``page[size]``): how most of Telnyx's lists are read."""

from portal.json_types import JsonObject
from portal.sandbox.core.errors import Problem, Refused, bad_request

MAX_SIZE = 250


def page(rows: list[JsonObject], query: dict[str, str], size: int = 20) -> JsonObject:
    """Return the page that ``query`` asks for; ``size`` is the one that the documentation names as default."""
    number = whole_number(query, "page[number]", 1, None)
    size = whole_number(query, "page[size]", size, MAX_SIZE)
    return {
        "data": rows[(number - 1) * size : number * size],
        "meta": {
            "page_number": number,
            "page_size": size,
            "total_pages": -(-len(rows) // size),
            "total_results": len(rows),
        },
    }


def whole_number(query: dict[str, str], name: str, default: int, most: int | None) -> int:
    text = query.get(name, str(default))
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if number < 1 or (most and number > most):
        raise bad_request(f"'{name}' must be a whole number from 1{f' to {most}' if most else ''}.", f"/{name}")
    return number


def bad_filter(name: str, what: str) -> Refused:
    return Refused(400, Problem("10031", "Invalid filter", f"'{name}' {what}.", f"/{name}"))
