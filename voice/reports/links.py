"""Makes of each figure the address of the list that has exactly its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from django.urls import reverse

from portal.models import TelnyxAccount
from voice.metrics import kinds
from voice.reports.figures import Scope
from voice.reports.windows import Window


@dataclass(frozen=True)
class Links:
    """Leads from a report to the call log. ``accounts`` are the names of all there are, by their ids."""

    accounts: dict[object, str]

    def of(self, measure: str, counted_as: str, window: Window, scope: Scope, *more: tuple[str, str]) -> str:
        """Return the address of the list of what a measure counts; empty where no search asks for just these calls."""
        side = {kinds.AS.INCOMING: "to", kinds.AS.OUTGOING: "from"}.get(kinds.AS(counted_as)) if counted_as else ""
        if scope.number and not side:
            return ""
        tokens = [("metric", f"{counted_as}.{measure}" if counted_as else measure), *more]
        if scope.account_id:
            tokens.append(("account", self.accounts.get(scope.account_id, "")))
        if scope.connection_id:
            tokens.append(("app", scope.connection_id))
        if scope.number and side:
            tokens.append((side, scope.number))
        return address([*tokens, ("since", _moment(window.begin)), ("until", _moment(window.end)), ("rows", "legs")])


def to_call_log() -> Links:
    """Read what links need to know once, for all of a page."""
    return Links(dict(TelnyxAccount.objects.values_list("pk", "name")))


def address(tokens: Sequence[tuple[str, str]]) -> str:
    """Return the address of the call log that shows what these tokens ask for."""
    text = " ".join(f'{key}:"{value}"' if " " in value else f"{key}:{value}" for key, value in tokens)
    return f"{reverse('admin:voice_call_changelist')}?q={quote(text)}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
