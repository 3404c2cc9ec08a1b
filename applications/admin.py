"""The pages of applications. A save or a deletion is a request to Telnyx, made before any transaction is open.

Django opens one around its own ``changeform_view`` and ``delete_view``; on SQLite a remote call in there would hold the
only write lock. So a POST is carried out here first, and Django's view only draws what Telnyx refused.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import AllValuesCheckboxFilter, BooleanRadioFilter, RelatedCheckboxFilter
from unfold.decorators import display

from applications import forms
from applications.columns import ApplicationColumns, Presence
from applications.kinds import KINDS, NESTED
from applications.models import CallControlApplication, Pull, TelnyxApplication, TexmlApplication
from applications.notices import warnings_for
from applications.outcomes import by_field, in_words, told
from applications.pulls import pull_within
from applications.services import Conflict, create_application, delete_application, update_application
from applications.versions import ApplicationHistory
from portal.actors import actor_of
from portal.errors import TelnyxError
from portal.models import TelnyxAccount
from portal.schemas import InvalidParameters
from portal.site import ReadOnlyAdmin, as_json

PULL_SECONDS = 10.0

_FACTS = ("telnyx_id", "account_fact", "created_at", "updated_at", "pulled_at", "missing_since")


class ApplicationAdmin(ApplicationColumns, ApplicationHistory, ModelAdmin):  # type: ignore[misc]
    """Both kinds. Nothing here writes a row: ``applications.services`` does."""

    actions = None
    list_select_related = ("account",)
    list_filter_sheet = True
    list_before_template = "admin/applications/pull_bar.html"  # type: ignore[assignment]
    change_form_before_template = "admin/applications/form_top.html"  # type: ignore[assignment]
    change_form_outer_after_template = "admin/applications/panels.html"  # type: ignore[assignment]
    compressed_fields = True
    warn_unsaved_form = True

    # drawing

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        errors = getattr(request, "errors_of_telnyx", {})
        if obj is None:
            account = _account(request.GET.get("account"))
            return forms.form_class(self.kind, None, prefilled=forms.initial_for_add(self.kind, account), errors=errors)
        return forms.form_class(self.kind, obj, request.POST.get(forms.BASE) or obj.remote_digest, errors=errors)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        facts = ("At Telnyx", {"fields": _FACTS})
        whole = ("Telnyx's whole answer", {"fields": ("remote_shown",), "classes": ("collapse",)})
        if obj and not self.has_change_permission(request, obj):
            return [(None, {"fields": ("settings_shown",)}), facts, whole]
        names = list(self.kind.settable_flat())
        main = [name for name in names if "." not in name]
        nested = [(part.title(), {"fields": [n for n in names if n.startswith(f"{part}.")]}) for part in NESTED]
        first = (None, {"fields": main if obj else ["account", *main]})
        return [first, *nested, facts, whole] if obj else [first, *nested]

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
        return super().render_change_form(request, context, add, change, form_url, obj)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        bar: dict[str, Any] = {"last_pulls": self._last_pulls(), "may_pull": self.has_change_permission(request)}
        return super().changelist_view(request, {**(extra_context or {}), **bar, "pull_url": self._url("pull")})

    # writing

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if request.method == "POST" and (done := self._submit(request, object_id)):
            return done
        return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        if request.method == "POST" and (done := self._delete(request, object_id)):
            return done
        return super().delete_view(request, object_id, extra_context)

    def _submit(self, request: HttpRequest, object_id: str | None) -> HttpResponse | None:
        application = self.get_object(request, unquote(object_id)) if object_id else None
        if object_id and application is None:
            return None
        allowed = self.has_change_permission(request, application) if object_id else self.has_add_permission(request)
        if not allowed or "_saveasnew" in request.POST:
            raise PermissionDenied
        form = self.get_form(request, application)(request.POST, instance=application)
        if not form.is_valid():
            return None
        row = self._send(request, form, application)
        return self._done(request, form, row, add=application is None) if row else None

    def _send(self, request: HttpRequest, form: Any, application: Any) -> TelnyxApplication | None:
        """The row as Telnyx has it now; None when it did not work, with the reasons left for the form."""
        actor, values = actor_of(request), form.parameters()
        errors: Mapping[str, list[str]]
        try:
            if application:
                return update_application(application, values, actor, base_digest=form.data.get(forms.BASE))
            row, trouble = create_application(self.kind, form.cleaned_data["account"], values, actor)
            if trouble:
                messages.warning(request, trouble)
            return row
        except InvalidParameters as invalid:
            errors = invalid.errors
        except TelnyxError as error:
            errors = by_field(error, form.fields)
        except Conflict as conflict:
            request.POST = forms.redrawn(request.POST, form.touched, self.kind, conflict.application)  # type: ignore[assignment]
            errors = in_words(conflict)
        request.errors_of_telnyx = errors  # type: ignore[attr-defined]
        return None

    def _done(self, request: HttpRequest, form: Any, row: TelnyxApplication, add: bool) -> HttpResponse:
        message = self.construct_change_message(request, form, [], add)
        (self.log_addition if add else self.log_change)(request, row, message)
        answer: HttpResponse = (self.response_add if add else self.response_change)(request, row)
        return answer

    def _delete(self, request: HttpRequest, object_id: str) -> HttpResponse | None:
        application = self.get_object(request, unquote(object_id))
        if application is None:
            return None
        if not self.has_delete_permission(request, application):
            raise PermissionDenied
        try:
            delete_application(application, actor_of(request))
        except TelnyxError as error:
            messages.error(request, f"{application} was not deleted. {error}")
            return HttpResponseRedirect(request.get_full_path())
        self.log_deletions(request, self.model._default_manager.filter(pk=application.pk))
        answer: HttpResponse = self.response_delete(request, str(application), application.pk)
        return answer

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[Any], list[Any]]:
        return [], {}, set(), []  # no row goes: calls keep their application

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        raise PermissionDenied("Applications are written by applications.services.")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        raise PermissionDenied("Applications are deleted by applications.services.")

    # pulling

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_pull"
        urls: list[URLPattern] = super().get_urls()  # type: ignore[no-untyped-call]
        return [path("pull/", self.admin_site.admin_view(self.pull_view), name=name), *urls]

    def pull_view(self, request: HttpRequest) -> HttpResponse:
        """The button "Pull now": every account, or the one whose missing ones are accepted."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        accepted = request.POST.get("accept_missing")
        accounts = TelnyxAccount.objects.all()
        for account in accounts.filter(name=accepted) if accepted else accounts:
            record = pull_within(PULL_SECONDS, self.kind, account, actor_of(request), accept_missing=bool(accepted))
            messages.add_message(request, *told(record))
        return HttpResponseRedirect(self._url("changelist"))

    def _last_pulls(self) -> list[Pull]:
        newest = (Pull.objects.filter(kind=self.kind.slug, account=row).first() for row in TelnyxAccount.objects.all())
        return [record for record in newest if record]

    def _url(self, name: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}")


@admin.register(CallControlApplication)
class CallControlApplicationAdmin(ApplicationAdmin):
    """Applications that get events as webhooks and send commands."""

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
        ("account", RelatedCheckboxFilter),
        ("active", BooleanRadioFilter),
        ("webhook_api_version", AllValuesCheckboxFilter),
    )
    search_fields = ("application_name", "telnyx_id")

    @display(description="name", ordering="application_name")
    def name_shown(self, application: TelnyxApplication) -> str:
        return self.with_sign(application)


@admin.register(TexmlApplication)
class TexmlApplicationAdmin(ApplicationAdmin):
    """Applications that Telnyx fetches documents for."""

    kind = KINDS[1]
    list_display = ("name_shown", "telnyx_id", "account_shown", "active", "host_shown", "updated_at")
    list_filter = (Presence, ("account", RelatedCheckboxFilter), ("active", BooleanRadioFilter))
    search_fields = ("friendly_name", "telnyx_id")

    @display(description="name", ordering="friendly_name")
    def name_shown(self, application: TelnyxApplication) -> str:
        return self.with_sign(application)


@admin.register(Pull)
class PullAdmin(ReadOnlyAdmin):
    """What was pulled, when and by whom."""

    list_display = (
        "started_at",
        "account",
        "kind",
        "state_shown",
        "requested_by",
        "created",
        "updated",
        "missing",
        "unchanged",
    )
    list_filter = ("state", "kind", ("account", RelatedCheckboxFilter))
    list_filter_sheet = True
    list_select_related = ("account",)
    exclude = ("errors",)
    readonly_fields = ("errors_shown",)

    @display(
        description="state",
        ordering="state",
        label={"done": "success", "running": "info", "stopped": "warning", "failed": "danger"},
    )
    def state_shown(self, record: Pull) -> tuple[str, str]:
        return record.state, record.get_state_display()

    @display(description="errors")
    def errors_shown(self, record: Pull) -> str:
        return as_json(record.errors) if record.errors else "none"


def _account(id: str | None) -> TelnyxAccount | None:
    """The one asked for, else the first by name."""
    accounts = {str(account.pk): account for account in TelnyxAccount.objects.all()}
    return accounts.get(id or "") or next(iter(accounts.values()), None)


def _panels(request: HttpRequest, application: Model | None) -> list[SafeString]:
    """What others hang on an application's page, by dotted name: this app does not know them."""
    names = getattr(settings, "APPLICATION_PANELS", ()) if application else ()
    return [import_string(name)(request, application) for name in names]
