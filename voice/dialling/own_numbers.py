"""Lists the account's own phone numbers, offered where somebody dials."""

from django.core.cache import cache

from applications.related.numbers import MAX_PAGE_SIZE, list_numbers
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError

_KEPT_SECONDS, _AFTER_FAILURE = 60, 10


def own_numbers(account: TelnyxAccount) -> list[str]:
    """List the newest 250 numbers, kept a minute; none when Telnyx does not tell: any number can still be typed."""
    key = f"own-numbers:{account.pk}"
    found: list[str] | None = cache.get(key)
    if found is None:
        try:
            listed, kept = list_numbers(account, size=MAX_PAGE_SIZE).numbers, _KEPT_SECONDS
        except TelnyxError:
            listed, kept = [], _AFTER_FAILURE
        found = [number for row in listed if isinstance(number := row.get("phone_number"), str)]
        cache.set(key, found, kept)
    return found
