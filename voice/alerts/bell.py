"""Counts for the bell above every page what is wrong now and not muted."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from portal.texts import pluralised
from voice.alerts import rounds

_MOST = 99


@dataclass(frozen=True)
class Bell:
    """Holds what the bell says and where it leads."""

    count: int
    url: str

    @property
    def text(self) -> str:
        return f"{_MOST}+" if self.count > _MOST else str(self.count)

    @property
    def label(self) -> str:
        return pluralised(self.count, "alert is open", "alerts are open") if self.count else "No alerts are open"


def bell(request: HttpRequest) -> Bell | None:
    """Return the bell for who may see alerts, None for others."""
    if not request.user.has_perm("voice.view_alert"):
        return None
    return Bell(len(rounds.open_unmuted()), reverse("admin:voice_alert_changelist"))
