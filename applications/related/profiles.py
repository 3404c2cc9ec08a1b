"""Reads outbound voice profiles from Telnyx for the choice in a form (``GET /outbound_voice_profiles``)."""

from dataclasses import asdict, dataclass

from django.core.cache import cache

from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.client import ask
from portal.telnyx.errors import UNREAD, TelnyxUnread

KEPT_SECONDS = 60
_PAGE_SIZE, _MOST_PAGES = 250, 4


@dataclass(frozen=True)
class Profile:
    """Describes a profile: without one, or with a disabled one, an application's outgoing calls end at once."""

    id: str
    name: str
    enabled: bool

    def __str__(self) -> str:
        return f"{self.name or self.id}{'' if self.enabled else ' (disabled)'}"


def list_profiles(account: TelnyxAccount) -> list[Profile]:
    """Return the account's profiles by name, at most 1,000, not older than a minute. Raises a ``TelnyxError``."""
    key = f"profiles:{account.world}"
    kept = cache.get(key)
    if kept is None:
        kept = [asdict(profile) for profile in _read(account)]
        cache.set(key, kept, KEPT_SECONDS)
    return [Profile(**profile) for profile in kept]


def choices(account: TelnyxAccount, present: str) -> list[tuple[str, str]]:
    """Return the choices of a select: none, the profiles, and ``present`` even if Telnyx does not list it.

    Raises a ``TelnyxError``.
    """
    offered = [("", "–"), *((profile.id, f"{profile} · {profile.id}") for profile in list_profiles(account))]
    return offered if present in dict(offered) else [*offered, (present, f"{present} (not in Telnyx's list)")]


def _read(account: TelnyxAccount) -> list[Profile]:
    profiles: dict[str, Profile] = {}
    for number in range(1, _MOST_PAGES + 1):
        query = {"page[number]": str(number), "page[size]": str(_PAGE_SIZE), "sort": "name"}
        listed = ask(account, "outbound_voice_profiles.list", extra_query=query).get("data")
        if not isinstance(listed, list):
            raise TelnyxUnread(UNREAD)
        profiles |= {str(item["id"]): _profile(item) for item in listed if isinstance(item, dict) and item.get("id")}
        if len(listed) < _PAGE_SIZE:
            break
    return sorted(profiles.values(), key=lambda profile: profile.name.casefold())


def _profile(item: JsonObject) -> Profile:
    return Profile(str(item["id"]), str(item.get("name") or ""), item.get("enabled") is not False)
