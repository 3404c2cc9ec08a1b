"""Fills a new sandbox: a few phone numbers nobody has, two outbound voice profiles; more numbers on request."""

from portal.sandbox import clock
from portal.sandbox.core.store import Store
from portal.sandbox.resources import numbers, profiles

MOST_NUMBERS = 60_000
_PROFILES = {
    "Domestic": ["US", "CA"],
    "International": ["US", "CA", "AU", "AT", "BR", "CH", "DE", "ES", "FR", "GB", "IE", "IN", "IT", "JP", "MX", "NL"],
}
_FIRST = tuple(f"+1312555010{last}" for last in range(6))


def fill(store: Store) -> None:
    """Put the first things into a store that has none: at its making and after a reset."""
    if store.all(profiles.PROFILES):
        return
    with store.transaction():
        now = clock.time()
        for place, (name, destinations) in enumerate(_PROFILES.items()):
            profile = profiles.new_profile(name, now + place / 1000, whitelisted_destinations=destinations)
            store.put(profiles.PROFILES, profile["id"], profile)
        _add(store, _FIRST, None)


def add_numbers(store: Store, count: int, connection_id: str | None = None) -> None:
    """Add so many fictitious numbers (``555-01xx``) of one area code after another."""
    known = {number["phone_number"] for number in store.all(numbers.NUMBERS)}
    every = (f"+1{area}55501{last:02}" for area in range(200, 1000) for last in range(100))
    fresh = (number for number in every if number not in known)
    _add(store, [next(fresh) for _ in range(count)], connection_id)


def _add(store: Store, chosen: "tuple[str, ...] | list[str]", connection_id: str | None) -> None:
    now = clock.time()
    for place, text in enumerate(chosen):
        number = numbers.new_number(text, now + place / 100_000, connection_id=connection_id)
        store.put(numbers.NUMBERS, number["id"], number)
