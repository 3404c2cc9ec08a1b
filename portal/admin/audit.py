"""Shows the audit trail: who did what to what, what it was before, to read, to search and to take away as a file."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.decorators import display

from portal.actors import actor_of
from portal.admin.filters import DayRangeFilter, KnownValuesFilter, WholeTextFilter
from portal.admin.pages import PageAdmin
from portal.admin.site import as_json, seen, viewer
from portal.masking import may_see_whole
from portal.models import AuditEvent
from portal.trail import changes, export, wording

_ACTORS = ("user", "token", "rule")
_LONGEST = 60  # of a label in the list
_GONE = ("delete",)  # verbs after which there is no page to go to


@admin.register(AuditEvent)
class AuditEventAdmin(PageAdmin):
    """Lets nobody write, whatever their permissions."""

    when_empty = "What people do here, from signing in to hanging up, is noted by itself."
    page_template = "portal/admin/audit_event.html"
    list_before_template: Any = "portal/admin/audit_before.html"
    list_display = ("at", "actor_shown", "what", "object_shown", "changed", "address")
    list_display_links = ("at",)
    list_filter_submit = True
    list_filter_sheet = True
    list_fullwidth = True
    sortable_by = ("at",)
    search_fields = ("actor",)  # only so that the box is drawn: see get_search_results
    search_help_text = "Person, token or rule; beginning of an action; or a whole object id"

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        if object_id is None or request.method == "POST":
            raise PermissionDenied
        return super().changeform_view(request, object_id, *args, **kwargs)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer the names of who acted to those who may see whole numbers: one may have been called by a number."""
        who = [("actor", WholeTextFilter)] if may_see_whole(request.user) else []
        return [*who, ("action", KnownValuesFilter), ("object_type", KnownValuesFilter), ("at", DayRangeFilter)]

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

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="portal_auditevent_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        query = request.GET.copy()
        query.pop("p", None)
        address = f"{reverse('admin:portal_auditevent_export')}?{query.urlencode()}"
        return super().changelist_view(request, {"export_url": address, "most": export.MOST} | (extra_context or {}))

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Answer the list, filtered as it is, as CSV. That is noted as well."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).narrowed(request)  # type: ignore[attr-defined]
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:portal_auditevent_changelist"))
        AuditEvent.note(actor_of(request), "audit.export", filtered=request.META.get("QUERY_STRING", "")[:300])
        found = rows.order_by("-at", "-id")[: export.MOST + 1].iterator(500)
        answer = StreamingHttpResponse(export.lines(found, request.user), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="audit.csv"'
        return answer

    def page(self, request: HttpRequest, event: AuditEvent) -> dict[str, Any]:
        rest = changes.others(event.details)
        listing = reverse("admin:portal_auditevent_changelist")
        thing = {"q": event.object_id, "object_type": event.object_type}  # a person and a group may both be number 1
        return {
            "title": wording.words(event.action),
            "event": event,
            "changes": changes.of_details(event.details, request.user),
            "details": as_json(rest) if rest else "",
            "object_url": _page_of(event),
            "about": f"{listing}?{urlencode(thing)}" if event.object_id else "",
            "by": f"{listing}?{urlencode({'actor': event.actor})}" if may_see_whole(request.user) else "",
        }

    @display(description="Who")
    def actor_shown(self, event: AuditEvent) -> str:
        return seen(event.actor)

    @display(description="Did what")
    def what(self, event: AuditEvent) -> str:
        return wording.words(event.action)

    @display(description="To what")
    def object_shown(self, event: AuditEvent) -> str:
        label, url = seen(event.object_label), _page_of(event)
        if len(label) > _LONGEST:
            label = format_html('<span title="{}">{}…</span>', label, label[:_LONGEST])
        return format_html('<a class="portal-link" href="{}">{}</a>', url, label) if url and label else label

    @display(description="Changed")
    def changed(self, event: AuditEvent) -> str:
        return changes.in_a_line(changes.of_details(event.details, viewer()))


def _page_of(event: AuditEvent) -> str:
    """Return the address of the object's page, for who may see it; empty where there is none (any more)."""
    app, _, model = event.object_type.partition(".")
    if not model or not event.object_id or event.action.rpartition(".")[2] in _GONE:
        return ""
    try:
        found = apps.get_model(app, model)
        url = reverse(f"admin:{app}_{model}_change", args=[event.object_id])
    except (LookupError, NoReverseMatch):
        return ""
    return url if viewer().has_perm(f"{app}.view_{found._meta.model_name}") else ""
