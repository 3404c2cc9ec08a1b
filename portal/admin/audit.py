"""Shows the audit trail: who did what, to read and to search."""

from django.contrib import admin
from unfold.contrib.filters.admin import AllValuesCheckboxFilter
from unfold.decorators import display

from portal.admin.filters import DayRangeFilter
from portal.admin.site import ReadOnlyAdmin, as_json, seen
from portal.models import AuditEvent

_LAST = ("request_id", "details_json")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Lets nobody write, whatever their permissions."""

    when_empty = "What people do here, from signing in to hanging up, is noted by itself."
    list_display = ("at", "actor_shown", "action", "object_type", "label_shown", "address")
    list_filter = (("action", AllValuesCheckboxFilter), ("at", DayRangeFilter))
    list_filter_submit = True
    search_fields = ("actor", "action__startswith", "object_id__exact")
    search_fields_masked = ("actor__exact", "user__username__exact", *search_fields[1:])
    search_help_text = "Actor, beginning of an action, or a whole object id"
    fields = ("at", "actor_shown", "user", "address", "action", "object_type", "object_id", "label_shown", *_LAST)
    readonly_fields = fields

    @display(description="Actor", ordering="actor")
    def actor_shown(self, event: AuditEvent) -> str:
        return seen(event.actor)

    @display(description="Object label")
    def label_shown(self, event: AuditEvent) -> str:
        return seen(event.object_label)

    @display(description="Details")
    def details_json(self, event: AuditEvent) -> str:
        return as_json(event.details)
