"""Draws the pages of applications, and sends what is saved there to Telnyx. A save or a deletion is a request to
Telnyx, made before any transaction is open.

Django opens one around its own ``changeform_view`` and ``delete_view``; on SQLite a remote call in there would hold the
only write lock. So a POST is carried out here first, and Django's view only draws what Telnyx refused.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AllValuesCheckboxFilter
from unfold.decorators import display

from applications import wording
from applications.admin.columns import ApplicationColumns, Presence
from applications.admin.delete_pages import GuardPages
from applications.admin.filters import HostFilter, NumbersFilter, WarningFilter
from applications.admin.groups import groups
from applications.admin.history_pages import ApplicationHistory
from applications.admin.pull_pages import PullPages
from applications.admin.saved_pages import SavedPages
from applications.bulk.pages import BulkPages
from applications.editing import conflict, forms
from applications.editing.adoption import UncertainCreate
from applications.editing.outcomes import by_field
from applications.editing.service import Conflict, Retry, create_application, snapshot, update_application
from applications.exchange.pages import ExchangePages
from applications.kinds import KINDS
from applications.mirror.answers import differing
from applications.models import CallControlApplication, TelnyxApplication, TexmlApplication
from applications.notices import warnings_for
from applications.related.panels import Belongings
from applications.tags import Tagged
from portal.actors import actor_of
from portal.admin.filters import CountedBooleanFilter, CountedRelatedCheckboxFilter
from portal.admin.saved_filter_views import KeptFilters
from portal.admin.site import PortalAdmin
from portal.masking import addresses_for
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError
from portal.telnyx.schemas import InvalidParameters

_RETRIES: dict[str, Retry] = {"look": "only look", "anyway": "anyway"}  # by the buttons of the uncertain page
_FACTS = ("telnyx_id", "account_fact", "created_at", "updated_at", "pulled_at", "missing_since")


class ApplicationAdmin(  # type: ignore[misc]
    PullPages,
    ExchangePages,
    BulkPages,
    GuardPages,
    KeptFilters,
    Belongings,
    ApplicationColumns,
    SavedPages,
    ApplicationHistory,
    PortalAdmin,
):
    """Shows, adds, changes and deletes applications of both kinds.

    Nothing here writes a row: ``applications.editing.service`` does.
    """

    when_empty = "Pull what is at Telnyx with the button above, or add one: it is made at Telnyx."
    change_list_template = "portal/admin/list.html"
    list_select_related = ("account",)
    list_filter_sheet = list_filter_submit = True
    list_before_template = "applications/admin/pull_bar.html"  # type: ignore[assignment]
    change_form_outer_before_template = "applications/admin/head.html"  # type: ignore[assignment]
    change_form_before_template = "applications/admin/form_top.html"  # type: ignore[assignment]
    change_form_outer_after_template = "applications/admin/panels.html"  # type: ignore[assignment]
    compressed_fields = True
    warn_unsaved_form = True

    # drawing

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        errors = getattr(request, "errors_of_telnyx", {})
        if obj is None:
            origin = self._origin(request)
            account = _account(request.GET.get("account"))
            fresh = forms.initial_for_add(self.kind, account)
            prefilled = forms.initial_for_clone(self.kind, origin) if origin else fresh
            return forms.form_class(self.kind, None, prefilled=prefilled, errors=errors, origin=origin)
        return forms.form_class(self.kind, obj, request.POST.get(forms.BASE) or obj.remote_digest, errors=errors)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        facts = ("At Telnyx", {"fields": _FACTS, "classes": ("collapse",)})
        whole = ("Telnyx's whole answer", {"fields": ("remote_shown",), "classes": ("collapse",)})
        if obj and not self.has_change_permission(request, obj):
            return [(None, {"fields": ("settings_shown",)}), facts, whole]
        return [*groups(self.kind), facts, whole] if obj else groups(self.kind, before=["account"])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*_FACTS, "remote_shown", "settings_shown") if obj else ()

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        context |= {"application": obj, "warnings": warnings_for(obj) if obj else [], "panels": _panels(request, obj)}
        if obj:
            may_add = self.has_add_permission(request)
            context |= {"add_url": self._address("add"), "may_clone": may_add and not obj.missing_since}
            context |= {"may_probe": self.has_change_permission(request, obj)}
            context["may_create_again"] = may_add and bool(obj.missing_since)
            context["probed_address"] = addresses_for(request.user, obj.account.webhook_url)
            context["probe_url"] = reverse(self._guard_url("probe"), args=[obj.pk])
            context |= {"saved": self.saved(request, obj), "history_url": self._address_of("history", obj)}
            context["dial"] = import_string(settings.APPLICATION_DIAL)(request, obj)
            context["stop"] = import_string(settings.APPLICATION_HEAD)(request, obj)
            context["show_save_and_add_another"] = context["show_save_and_continue"] = False
        return super().render_change_form(request, context, add, change, form_url, obj)

    # writing

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether it may be changed: what Telnyx does not know any more cannot be, by anybody."""
        return _is_there(obj) and bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_there(obj) and bool(super().has_delete_permission(request, obj))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if request.method == "POST" and (done := self._submit(request, object_id)):
            return done
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _submit(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        application = self.get_object(request, unquote(object_id)) if object_id else None
        if object_id and application is None:
            return None
        if application and application.missing_since:  # since the form was drawn, or it was never drawn
            return self._gone(request, application)
        allowed = self.has_change_permission(request, application) if object_id else self.has_add_permission(request)
        if not allowed or "_saveasnew" in request.POST:
            raise PermissionDenied
        if application:
            request.POST, complete = conflict.decided(request.POST, self.kind, application)  # type: ignore[assignment]
            if not complete:
                return self._conflict_page(request, application, conflict.page(request.POST, self.kind, application))
        form = self.get_form(request, application)(request.POST, instance=application)
        if request.POST.get("retry") == "form":
            request.errors_of_telnyx = {NON_FIELD_ERRORS: ["Nothing more was sent."]}  # type: ignore[attr-defined]
            return None
        done = self._send(request, form, application) if form.is_valid() else None
        if done is None and application and not _is_there(self.get_object(request, application.pk)):
            return self._gone(request, application)  # Telnyx said so just now
        return done

    def _send(self, request: HttpRequest, form: Any, application: Any) -> HttpResponse | None:
        """Return the page after it; None when the form is to be drawn again, with the reasons left for it."""
        actor, values = actor_of(request), form.parameters()
        errors: Mapping[str, list[str]]
        try:
            if application:
                return self._changed(request, form, application, values)
            retry: Retry = _RETRIES.get(request.POST.get("retry", ""), "look")
            account, wish = form.cleaned_data["account"], form.cleaned_data.get(forms.WISH, "")
            row, notice = create_application(self.kind, account, values, actor, retry=retry, wish=wish)
            if notice:
                messages.warning(request, notice)
            return self._done(request, form, row, add=True)
        except InvalidParameters as invalid:
            errors = invalid.errors
        except UncertainCreate as uncertain:
            return self._uncertain_page(request, form, uncertain)
        except TelnyxError as error:
            errors = by_field(error, form.fields)
        except Conflict as clash:
            request.POST, context = conflict.first_page(request.POST, form.touched, self.kind, clash)  # type: ignore[assignment]
            return self._conflict_page(request, clash.application, context)
        request.errors_of_telnyx = errors  # type: ignore[attr-defined]
        return None

    def _changed(self, request: HttpRequest, form: Any, application: Any, values: Any) -> HttpResponse:
        digest = form.data.get(forms.BASE)
        base = snapshot(application, digest) if digest else None
        self.note_version(request, application)
        row = update_application(application, values, actor_of(request), base_digest=digest)
        if base and (kept := sorted({*differing(base, row.remote)} - form.touched - {"updated_at"})):
            names = ", ".join(wording.label(name) for name in kept)
            messages.info(request, f"Others had changed this application meanwhile; kept as they have it: {names}.")
        return self._done(request, form, row, add=False)

    def _gone(self, request: HttpRequest, application: Any) -> HttpResponse:
        """Lead to the page of what Telnyx does not know any more, on which nothing can be sent."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        messages.error(request, f"Telnyx does not know {application} any more. Nothing was changed.")
        return HttpResponseRedirect(reverse(self._guard_url("change"), args=[application.pk]))

    def _conflict_page(self, request: HttpRequest, application: Any, page_context: Any) -> HttpResponse:
        last = application.history.first()
        context = {"opts": self.opts, "application": application, "title": f"{application} was changed meanwhile"}
        context |= {"last_change": last, **self.admin_site.each_context(request), **page_context}
        return TemplateResponse(request, "applications/editing/conflict.html", context)

    def _uncertain_page(self, request: HttpRequest, form: Any, uncertain: UncertainCreate) -> HttpResponse:
        carried = [(name, request.POST[name]) for name in form.fields if name in request.POST]
        context = {"opts": self.opts, "title": "It is uncertain whether it was created", "carried": carried}
        list_url = self._address("changelist") if self.has_view_permission(request) else ""
        context |= {"said": str(uncertain), "candidates": uncertain.candidates, "list_url": list_url}
        context |= {"name_field": self.kind.model.name_field, "url_field": self.kind.model.url_field}
        full_context = {**self.admin_site.each_context(request), **context}
        return TemplateResponse(request, "applications/editing/uncertain.html", full_context)

    def _done(self, request: HttpRequest, form: Any, row: TelnyxApplication, add: bool) -> HttpResponse:
        message = self.construct_change_message(request, form, [], add)
        (self.log_addition if add else self.log_change)(request, row, message)
        answer: HttpResponse = (self.response_add if add else self.response_change)(request, row)
        return answer

    def _origin(self, request: HttpRequest) -> TelnyxApplication | None:
        """Return the application that the form is to begin as a copy of."""
        origin = self.get_object(request, request.GET["clone"]) if request.GET.get("clone") else None
        return origin if origin and self.has_view_permission(request, origin) else None

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        raise PermissionDenied("Applications are written by applications.editing.service.")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        raise PermissionDenied("Applications are deleted by applications.editing.service.")


@admin.register(CallControlApplication)
class CallControlApplicationAdmin(ApplicationAdmin):
    """Shows applications that get events as webhooks and send commands."""

    kind = KINDS[0]
    list_display = (
        "name_shown",
        "telnyx_id",
        "account_shown",
        "active",
        "host_shown",
        "version_shown",
        "updated_at",
    )
    list_filter = (
        Presence,
        ("account", CountedRelatedCheckboxFilter),
        ("active", CountedBooleanFilter),
        NumbersFilter,
        ("webhook_api_version", AllValuesCheckboxFilter),
        HostFilter,
        WarningFilter,
        Tagged,
    )
    search_fields = ("application_name", "=telnyx_id")

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Return its own, and those of rooms that this app does not know."""
        return (*self.list_filter, *map(import_string, settings.APPLICATION_FILTERS))

    @display(description="name", ordering="application_name")
    def name_shown(self, application: TelnyxApplication) -> str:
        return self.with_sign(application)


@admin.register(TexmlApplication)
class TexmlApplicationAdmin(ApplicationAdmin):
    """Shows applications that Telnyx fetches documents for."""

    kind = KINDS[1]
    list_display = ("name_shown", "telnyx_id", "account_shown", "active", "host_shown", "updated_at")
    list_filter = (
        Presence,
        ("account", CountedRelatedCheckboxFilter),
        ("active", CountedBooleanFilter),
        NumbersFilter,
        HostFilter,
        WarningFilter,
        Tagged,
    )
    search_fields = ("friendly_name", "=telnyx_id")

    @display(description="name", ordering="friendly_name")
    def name_shown(self, application: TelnyxApplication) -> str:
        return self.with_sign(application)


def _is_there(application: TelnyxApplication | None) -> bool:
    return application is None or application.missing_since is None


def _account(id: str | None) -> TelnyxAccount | None:
    """Return the account asked for, else the first by name."""
    accounts = {str(account.pk): account for account in TelnyxAccount.objects.all()}
    return accounts.get(id or "") or next(iter(accounts.values()), None)


def _panels(request: HttpRequest, application: Model | None) -> list[tuple[str, SafeString]]:
    """Return by tab what others hang on an application's page, by dotted name: this app does not know them."""
    panels: dict[str, str] = settings.APPLICATION_PANELS if application else {}
    return [(tab, import_string(name)(request, application)) for tab, name in panels.items()]
