"""Makes of each figure the address of the list that has exactly its rows."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from portal.masking import may_see_whole
from portal.models import TelnyxAccount
from voice.call_log import query
from voice.call_log.language import tokens
from voice.call_log.language.tokens import Token
from voice.reports.figures import Scope
from voice.reports.windows import Window


@dataclass(frozen=True)
class Links:
    """Leads from a report to the call log. ``accounts`` are the names of all there are, by their ids."""

    accounts: dict[object, str]
    may_name_numbers: bool

    def of(self, measure: str, counted_as: str, window: Window, scope: Scope) -> str:
        """Return the address of the list of what a measure counts; empty where no search asks for just these calls.

        Of an own number none asks for calls of all kinds; and no address names one to who may not see it.
        """
        side = {"incoming": "to", "outgoing": "from"}.get(counted_as, "")
        if scope.without_application:
            return ""
        if scope.number and not (side and self.may_name_numbers):
            return ""
        asked = [("metric", f"{counted_as}.{measure}" if counted_as else measure)]
        if scope.account_id:
            asked.append(("account", self.accounts.get(scope.account_id, "")))
        if scope.connection_id:
            asked.append(("app", scope.connection_id))
        if scope.number:
            asked.append((side, scope.number))
        asked += [("since", _moment(window.begin)), ("until", _moment(window.end)), (query.ROWS, "legs")]
        return query.address(tokens.write(Token(key, value) for key, value in asked))


def to_call_log(user: Any) -> Links:
    """Read what links need to know once, for all of a page."""
    return Links(dict(TelnyxAccount.objects.values_list("pk", "name")), may_see_whole(user))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
