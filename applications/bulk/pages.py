"""Edits many applications in the admin: choose fields and values, see what would change, confirm, watch."""

from typing import Any

from django import forms as django_forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold import widgets

from applications import addresses
from applications.bulk import edits
from applications.editing.forms import field_for
from applications.kinds import Kind
from applications.models import BulkEdit
from applications.wording import display_value, label
from portal.actors import actor_of

WAIT_SECONDS = 2.0
CHOSEN = "set:"  # + name: the box that says that this field is to be changed


class BulkForm(django_forms.Form):
    """Offers one box and one field for each parameter. What is ticked or filled in is judged and taken.

    A box alone clears its field: nothing else can say so. The script that ticks a box for whoever types is not needed.
    """

    def __init__(self, kind: Kind, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.settable = kind, kind.settable_flat()
        for name, parameter in self.settable.items():
            words = label(name)
            tick = widgets.UnfoldBooleanWidget(attrs={"aria-label": f"Change {words}"})
            self.fields[CHOSEN + name] = django_forms.BooleanField(required=False, label=words, widget=tick)
            self.fields[name] = field_for(parameter)
            self.fields[name].required = name in kind.required and self._is_chosen(name)

    @property
    def pairs(self) -> list[tuple[Any, Any]]:
        return [(self[CHOSEN + name], self[name]) for name in self.settable]

    def values(self) -> dict[str, Any]:
        """Return what is to be set, by dotted name."""
        return {name: self.cleaned_data[name] for name in self.settable if self._is_chosen(name)}

    def clean(self) -> dict[str, Any]:
        chosen = [name for name in self.settable if self._is_chosen(name)]
        for name in [name for name in self.errors if name in self.settable and name not in chosen]:
            del self.errors[name]
        if not chosen:
            self.add_error(None, "Fill in or tick at least one field.")
        for name, texts in addresses.problems({name: self.cleaned_data.get(name) for name in chosen}, {}).items():
            self.add_error(name, texts)
        return self.cleaned_data

    def _is_chosen(self, name: str) -> bool:
        return self.is_bound and bool(self.data.get(CHOSEN + name) or str(self.data.get(name, "")).strip())


class BulkPages:
    """Adds actions on a selection and the pages of a ``BulkEdit`` to a ModelAdmin of one kind."""

    kind: Kind
    opts: Any
    admin_site: Any
    has_change_permission: Any
    actions = ("bulk_edit", "bulk_activate", "bulk_deactivate")

    def get_actions(self, request: HttpRequest) -> Any:
        offered = super().get_actions(request)  # type: ignore[misc]
        return {name: action for name, action in offered.items() if name in self.actions}  # no stock deletion

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path("bulk/<uuid:pk>/", view(self.bulk_view), name=f"{name}_bulk"),
            path("bulk/<uuid:pk>/run/", view(self.bulk_run_view), name=f"{name}_bulk_run"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    @admin.action(description="Change fields …", permissions=["change"])
    def bulk_edit(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._draft_bulk(request, queryset, {})

    @admin.action(description="Activate …", permissions=["change"])
    def bulk_activate(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._draft_bulk(request, queryset, {"active": True})

    @admin.action(description="Deactivate …", permissions=["change"])
    def bulk_deactivate(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._draft_bulk(request, queryset, {"active": False})

    def bulk_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Show what is to be changed, then its preview, then what came of it."""
        edit = self._bulk_of(request, pk)
        is_draft = edit.state == BulkEdit.State.DRAFT
        if request.method == "POST" and is_draft:
            form = BulkForm(self.kind, request.POST)
            if form.is_valid():
                edits.choose(edit, form.values())
                return HttpResponseRedirect(self._bulk_page(edit))
            return self._draw_bulk(request, edit, form=form)
        if is_draft and (not edit.values or "choose" in request.GET):
            return self._draw_bulk(request, edit, form=BulkForm(self.kind, initial=_initial(edit)))
        return self._draw_bulk(request, edit)

    def bulk_run_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Carry out what was confirmed; most are done within the two seconds waited here."""
        edit = self._bulk_of(request, pk)
        if request.method != "POST":
            raise PermissionDenied
        try:
            edits.run_within(WAIT_SECONDS, edit, request.POST.get("preview", ""), actor_of(request))
        except edits.OtherPreview:
            messages.error(
                request, "Other values were chosen since this preview was drawn. Nothing was sent: look again."
            )
        return HttpResponseRedirect(self._bulk_page(edit))

    def _draft_bulk(self, request: HttpRequest, queryset: QuerySet[Any], values: dict[str, Any]) -> HttpResponse | None:
        try:
            there = queryset.filter(missing_since=None).select_related(None)
            edit = edits.draft(self.kind, there[: edits.MOST + 1], request.user, values)
        except edits.TooMany:
            messages.error(request, f"At most {edits.MOST} can be changed at once: narrow the selection.")
            return None
        return HttpResponseRedirect(self._bulk_page(edit))

    def _bulk_of(self, request: HttpRequest, pk: Any) -> BulkEdit:
        if not self.has_change_permission(request):
            raise PermissionDenied
        return get_object_or_404(BulkEdit, pk=pk, kind=self.kind.slug)

    def _draw_bulk(self, request: HttpRequest, edit: BulkEdit, form: BulkForm | None = None) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"opts": self.opts, "title": "Change several applications"}
        done = sum(edits.counts(edit).values())
        lines = edits.lines(edit, request.user)
        context |= {"edit": edit, "form": form, "lines": lines, "names": [label(name) for name in edit.values]}
        context |= {
            "done": done,
            "of": len(edit.targets),
            "counts": edits.counts(edit),
            "silent": edits.is_silent(edit),
        }
        context |= {"percent": 100 * done // max(len(edit.targets), 1), "change_count": _changed(lines)}
        context |= {"list_url": self._bulk_url("changelist"), "run_url": self._bulk_url("bulk_run", edit.pk)}
        return TemplateResponse(request, "applications/bulk/bulk.html", context)

    def _bulk_page(self, edit: BulkEdit) -> str:
        return self._bulk_url("bulk", edit.pk)

    def _bulk_url(self, name: str, *args: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)


def _initial(edit: BulkEdit) -> dict[str, Any]:
    texts = {name: display_value(value) for name, value in edit.values.items()}
    return {**texts, **{CHOSEN + name: True for name in edit.values}}


def _changed(lines: list[edits.Line]) -> int:
    return sum(line.is_changed for line in lines)
