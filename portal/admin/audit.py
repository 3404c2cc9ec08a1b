"""Shows the audit trail: who did what, to read and to search."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from portal.admin.filters import DayRangeFilter, KnownValuesFilter
from portal.admin.site import ReadOnlyAdmin, as_json, seen
from portal.masking import may_see_whole
from portal.models import AuditEvent

_ACTORS = ("user", "token", "rule")
_LAST = ("request_id", "details_json")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Lets nobody write, whatever their permissions."""

    when_empty = "What people do here, from signing in to hanging up, is noted by itself."
    list_display = ("at", "actor_shown", "action", "object_type", "label_shown", "address")
    list_filter = (("action", KnownValuesFilter), ("at", DayRangeFilter))
    list_filter_submit = True
    sortable_by = ("at", "action")
    search_fields = ("actor",)  # only so that the box is drawn: see get_search_results
    search_help_text = "Actor, beginning of an action, or a whole object id"
    fields = ("at", "actor_shown", "user", "address", "action", "object_type", "object_id", "label_shown", *_LAST)
    readonly_fields = fields

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """Find each by the beginning of what is typed, an actor also without the word before its name.

        Who may not see whole numbers finds an actor by its whole name: a number in it could be read by its beginnings.
        """
        if not (term := search_term.strip()):
            return queryset, False
        how = "actor__startswith" if may_see_whole(request.user) else "actor"
        found = Q(action__startswith=term) | Q(object_id=term)
        for word in ("", *(f"{kind}: " for kind in _ACTORS)):
            found |= Q(**{how: f"{word}{term}"})
        return queryset.filter(found), False

    @display(description="Actor", ordering="actor")
    def actor_shown(self, event: AuditEvent) -> str:
        return seen(event.actor)

    @display(description="Object label")
    def label_shown(self, event: AuditEvent) -> str:
        return seen(event.object_label)

    @display(description="Details")
    def details_json(self, event: AuditEvent) -> str:
        return as_json(event.details)
