"""Serves the list of calls over REST with the search of the call log: ``q`` takes what its box takes."""

import django_filters
from rest_framework.exceptions import ValidationError

from portal.actors import actor_of
from voice.call_log import listing, query
from voice.calls.api import CallFilters, CallViewSet
from voice.models import CallQuerySet

_TOO_MUCH = (
    "No index answers this search, and over REST none is looked through piece by piece. Take a number, an id, or one "
    "condition alone (ending:, who:, by:, cause:, sip:, code:, app:, is:running …), each with since: and until: as you "
    "like, beside the other filters of this list; or export the search."
)


class CallLogFilters(CallFilters):
    """The filters of the call list, and its search."""

    q = django_filters.CharFilter(
        method="by_search", help_text="A search as in the call log: a number, an id, a name, ending:busy since:2h."
    )

    def by_search(self, calls: CallQuerySet, name: str, value: str) -> CallQuerySet:
        asked = query.read(value, self.request.user, actor=actor_of(self.request))
        if asked.refused:
            raise asked.refused.problem(name)
        if asked.wrong:
            raise ValidationError({name: list(asked.wrong)})
        if listing.needs_bound(asked):
            raise ValidationError({name: [_TOO_MUCH]})
        if asked.sides:
            return self.of_any(asked.narrow(calls, but_sides=True), asked.sides)
        return asked.narrow(calls)


# a keyword of Python's, which no class body can have
CallLogFilters.base_filters["from"] = CallFilters.base_filters["from"]  # type: ignore[attr-defined]


class CallLogViewSet(CallViewSet):
    """Calls: one row a leg."""

    filterset_class = CallLogFilters
