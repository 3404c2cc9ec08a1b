"""Draws the lists and pages of runs: what was pulled, and what was carried out of a plan or an import."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RelatedCheckboxFilter
from unfold.decorators import display

from applications.kinds import KINDS
from applications.models import ApplyRun, Pull
from applications.pulls.pulls import ANOTHER_OWNER
from portal.admin.site import ReadOnlyAdmin, as_json, seen

_KILLED = "interrupted"


class KindFilter(DropdownFilter):
    """Filters by the kinds there are; which ones the runs have, every row would have to be read for."""

    title, parameter_name = "kind", "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.slug, str(kind.model._meta.verbose_name_plural)) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class RunAdmin(ReadOnlyAdmin):
    """Lists what runs once at a time for each account and kind."""

    list_filter = ("state", KindFilter, ("account", RelatedCheckboxFilter))
    sortable_by = ("started_at",)
    list_filter_sheet = list_filter_submit = True
    list_select_related = ("account",)

    @display(description="requested by")
    def by_shown(self, record: Pull | ApplyRun) -> str:
        return seen(record.requested_by)

    @display(
        description="state",
        ordering="state",
        label={"done": "success", "running": "info", "stopped": "warning", "failed": "danger"},
    )
    def state_shown(self, record: Pull | ApplyRun) -> tuple[str, str]:
        words = self.state_words(record)
        return ("failed" if words == _KILLED else record.state), words

    @display(description="state")
    def state_words(self, record: Pull | ApplyRun) -> str:
        """Say how it is by now: nobody has noted the end of one that was killed."""
        if isinstance(record, Pull) and record.errors and record.errors[-1].get("kind") == ANOTHER_OWNER:
            return "stopped: the key is of another organization"
        return _KILLED if record.is_silent else str(record.get_state_display())


@admin.register(Pull)
class PullAdmin(RunAdmin):
    """Shows what was pulled, when and by whom."""

    when_empty = "Press “Pull now” above a list of applications: each pull has its line here."
    list_display = (
        "started_at",
        "account",
        "kind",
        "state_shown",
        "by_shown",
        "created",
        "updated",
        "missing",
        "unchanged",
    )
    exclude = ("errors", "requested_by", "state")
    readonly_fields = ("state_words", "by_shown", "errors_shown")

    @display(description="errors")
    def errors_shown(self, record: Pull) -> str:
        return as_json(record.errors, of_a_call=False) if record.errors else "none"


@admin.register(ApplyRun)
class ApplyRunAdmin(RunAdmin):
    """Shows which plans and imports were carried out, by whom, and what came of each step."""

    when_empty = "Each plan or import that is carried out has its line here."
    list_display = ("started_at", "account", "kind", "state_shown", "by_shown", "source", "progress", "failed")
    exclude = ("results", "is_at_work", "requested_by", "state")
    readonly_fields = ("state_words", "by_shown", "results_shown")

    @display(description="results")
    def results_shown(self, record: ApplyRun) -> str:
        return as_json(record.results, of_a_call=False) if record.results else "none yet"
