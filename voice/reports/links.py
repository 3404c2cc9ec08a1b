"""Makes of each figure the address of the list that has exactly its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from portal.masking import may_see_whole
from portal.models import TelnyxAccount
from voice.call_log import query
from voice.call_log.language import tokens
from voice.call_log.language.tokens import Token
from voice.calls import search
from voice.catalogue import actions
from voice.reports import counting
from voice.reports.figures import Scope
from voice.reports.windows import Window


@dataclass(frozen=True)
class Links:
    """Leads from a report to the call log. ``accounts`` are the names of all there are, by their ids."""

    accounts: dict[object, str]
    may_name_numbers: bool
    may_see_commands: bool = False

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
            asked.append((side, f"{search.AS_WRITTEN}{scope.number}"))
        asked += [("since", _moment(window.begin)), ("until", _moment(window.end)), (query.ROWS, "legs")]
        wanted = [Token(key, value) for key, value in asked]
        text = tokens.write(wanted)
        return query.address(text) if tokens.read(text) == tuple(wanted) else ""  # a quotation mark cannot be quoted

    def dials(self, measure: str, counts: Mapping[str, int], window: Window, scope: Scope) -> str:
        """Return the address of the commands that asked for calls which were never placed; they are no calls.

        Their list asks for an account and one action, and for no application and no own number.
        """
        taken = [name.removeprefix(f"{measure}:") for name in counts if name.startswith(f"{measure}:")] or [
            actions.DIAL
        ]
        if not self.may_see_commands or taken[1:] or scope.connection_id or scope.number or scope.without_application:
            return ""
        status = next(one for one, name in counting.NEVER_PLACED.items() if name == measure)
        asked = {"status__exact": status.value, "action": taken[0]}
        asked |= {"account__id__exact": str(scope.account_id)} if scope.account_id else {}
        last = window.end - timedelta(microseconds=1)  # both ends belong to what that list shows
        for name, at in (("from", window.begin), ("to", last)):
            # with its offset: on one day of the year an hour comes twice
            day, _, clock = timezone.localtime(at).isoformat(timespec="microseconds").partition("T")
            asked |= {f"created_at_{name}_0": day, f"created_at_{name}_1": clock}
        return f"{reverse('admin:voice_callcommand_changelist')}?{urlencode(asked)}"


def to_call_log(user: Any) -> Links:
    """Read what links need to know once, for all of a page."""
    names: dict[object, str] = dict(TelnyxAccount.objects.values_list("pk", "name"))
    return Links(names, may_see_whole(user), user.has_perm("voice.view_callcommand"))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
