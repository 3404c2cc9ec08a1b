"""Lists the account's own phone numbers: offered where somebody dials, and telling which countries are its own."""

from django.core.cache import cache
from django.db import transaction

from applications.related.numbers import MAX_PAGE_SIZE, list_numbers
from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.client import is_in_transaction
from portal.telnyx.errors import TelnyxError
from portal.times import uptime
from voice.dialling import limits
from voice.dialling.destinations import read
from voice.models import Limits

_KEPT_SECONDS, _AFTER_FAILURE = 60, 10


def own_numbers(account: TelnyxAccount) -> list[str]:
    """List the newest 250 numbers, kept a minute; none when Telnyx does not tell: any number can still be typed."""
    key = f"own-numbers:{account.world}"
    found: list[str] | None = cache.get(key)
    if found is None:
        try:
            listed, kept = list_numbers(account, size=MAX_PAGE_SIZE).numbers, _KEPT_SECONDS
        except TelnyxError:
            listed, kept = [], _AFTER_FAILURE
        found = [number for row in listed if isinstance(number := row.get("phone_number"), str)]
        cache.set(key, found, kept)
    return found


def open_own_countries(account: TelnyxAccount) -> None:
    """Let a fresh live account call the countries of its own numbers, once: what somebody has set is left alone.

    Without a number, or when Telnyx does not tell, nothing is opened, and the next one who asks tries again. It asks
    Telnyx, so inside of a transaction it does nothing.
    """
    if not account.is_live or is_in_transaction():
        return
    row = limits.of_account(account)
    if not row.own_countries_wanted:
        return
    own = {region for number in own_numbers(account) for region in _region(number)}
    if not own:
        return
    with transaction.atomic():
        still = Limits.objects.filter(pk=row.pk, own_countries_wanted=True)
        if still.update(own_countries_wanted=False, allowed_countries=sorted(own)):
            AuditEvent.note(PORTAL, "limits.own_countries", row, now={"allowed_countries": sorted(own)})


def open_wanted(seconds: float) -> None:
    """Open the own countries of the accounts that wait for it, as many as Telnyx tells within so many seconds."""
    end = uptime() + seconds
    for account in wanted():
        if uptime() >= end:
            return
        open_own_countries(account)


def wanted() -> list[TelnyxAccount]:
    """List the live accounts whose own countries are still to be opened."""
    limited = Limits.objects.filter(own_countries_wanted=False, for_live=True).exclude(account=None).values("account")
    return [account for account in TelnyxAccount.objects.exclude(pk__in=limited) if account.is_live]


def _region(number: str) -> list[str]:
    destination = read(number)
    regions = list(destination.regions) if destination else []
    return regions if len(regions) == 1 and regions[0].isalpha() else []  # not a number of no country, as +800
