"""Edits flows in the browser: the flow and its rules, checked against the SDK before anything is saved."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest
from unfold.admin import StackedInline
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelectWidget

from applications.models import CallControlApplication
from portal.actors import Actor, actor_of
from portal.admin.site import PortalAdmin, as_json, viewer
from portal.masking import set_up_for
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import describe
from portal.templatetags.portal import status_badge
from voice.catalogue import actions
from voice.catalogue.event_types import EVENT_TYPES
from voice.catalogue.forms import JSONText
from voice.flows.conditions import CALL_FIELDS
from voice.flows.history_pages import FlowHistory
from voice.flows.rules import problems
from voice.flows.service import check_rights, delete_flow, save_flow
from voice.models import Flow, Rule

_WHEN = 'All must hold. A list of {"field", "op", "value"}; fields are event.payload.… or call.…'
_DO = 'In order. A list of {"action", "parameters"}; {{ event.payload.from }} in a text is filled in.'


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Edits one rule; ``when`` and ``do`` are JSON, which the page's editor makes from rows and boxes."""

    when = JSONText(required=False, help_text=_WHEN)
    do = JSONText(required=False, help_text=_DO)

    class Meta:
        model = Rule
        fields = ("position", "event_type", "direction", "when", "do", "step", "stop")
        widgets = {"position": forms.HiddenInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("when", "do"):
            self.initial[name] = set_up_for(viewer(), self.initial.get(name))
            self.fields[name].widget.attrs["class"] += f" portal-rule-{name}"
        self.fields["event_type"].widget.attrs["list"] = "portal-event-types"
        self.fields["event_type"].widget.attrs["autocomplete"] = "off"

    def clean_when(self) -> list[Any]:
        return self.cleaned_data.get("when") or []

    def clean_do(self) -> list[Any]:
        return self.cleaned_data.get("do") or []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for place, messages in problems(cleaned).items():
            name, _, where = place.partition(".")
            self.add_error(name, [f"{where}: {message}" if where else message for message in messages])
        return cleaned


class RuleFormSet(PaginationInlineFormSet):
    """Holds the rules of the page. ``actor`` is who sends it, and is to have the rights of what they do."""

    actor: Actor

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules that stay, in the order of the page."""
        kept = list(self.ordered_forms) if self.can_order else self.forms
        rules = [form.cleaned_data for form in kept if form.cleaned_data and form not in self.deleted_forms]
        return sorted(rules, key=lambda rule: rule.get("position") or 0)

    def clean(self) -> None:
        super().clean()
        if any(self.errors) or self.instance.account_id is None:
            return
        try:
            check_rights(self.instance, self.rules(), self.actor)
        except PortalRefusal as refused:
            raise ValidationError(refused.words) from None


class RuleInline(StackedInline):
    """Shows the rules in order; drawn collapsed to their sentence, dragged into another order."""

    model = Rule
    form = RuleForm
    formset: Any = RuleFormSet
    extra = 0
    ordering_field: Any = "position"
    hide_ordering_field = True
    show_change_link = False
    readonly_fields = ("when_shown", "do_shown")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = RuleForm.Meta.fields
        if self.has_change_permission(request, obj):
            return own
        return [f"{name}_shown" if name in {"when", "do"} else name for name in own]

    @display(description="When")
    def when_shown(self, rule: Rule) -> str:
        return as_json(set_up_for(viewer(), rule.when), of_a_call=False)

    @display(description="Do")
    def do_shown(self, rule: Rule) -> str:
        return as_json(set_up_for(viewer(), rule.do), of_a_call=False)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.actor = actor_of(request)  # the class is made anew for each request
        return formset

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("voice.view_flow") or self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether the flow may be made or changed: its rules are a part of it, as over REST."""
        return request.user.has_perm("voice.change_flow" if obj is not None else "voice.add_flow")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


class FlowForm(forms.ModelForm):  # type: ignore[type-arg]
    """Edits a flow. The application is chosen by name; the account follows from it."""

    application = forms.ChoiceField(widget=UnfoldAdminSelectWidget, help_text="The flow runs for its calls.")

    class Meta:
        model = Flow
        fields = ("name", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.applications = {
            f"{row.account_id} {row.telnyx_id}": row
            for row in CallControlApplication.objects.select_related("account").filter(missing_since=None)[:5000]
        }
        choices = [(key, f"{row} ({row.account})") for key, row in self.applications.items()]
        here = f"{self.instance.account_id} {self.instance.connection_id}" if not self.instance._state.adding else ""
        if here and here not in self.applications:
            choices.insert(0, (here, f"Connection {self.instance.connection_id}"))
        self.fields["application"].choices = choices  # type: ignore[attr-defined]
        self.fields["application"].initial = here

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if row := self.applications.get(cleaned.get("application", "")):
            self.instance.account, self.instance.connection_id = row.account, row.telnyx_id
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            self.instance.validate_constraints()
        except ValidationError as error:
            self.add_error("active", error.messages)


@admin.register(Flow)
class FlowAdmin(FlowHistory, PortalAdmin):  # type: ignore[misc]
    """Lists and edits flows with their rules, and shows what they were."""

    when_empty = "A flow says what happens when somebody calls one of your applications."
    form = FlowForm
    inlines = (RuleInline,)
    list_display = ("name", "application", "account", "active_shown", "updated_at")
    list_filter = ("active", "account")
    search_fields = ("name", "connection_id__exact")
    actions = None

    class Media:
        js = tuple(Script(f"voice/{name}.js", defer=True) for name in ("catalogue/parameters", "flows/rules"))

    change_form_outer_after_template: Any = "voice/flows/event_types.html"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        described = {name: [describe(parameter) for parameter in actions.parameters(name)] for name in actions.names()}
        context = {"event_types": EVENT_TYPES, "actions": described, "call_fields": CALL_FIELDS}
        return super().changeform_view(request, object_id, form_url, context | (extra_context or {}))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save nothing yet: ``save_formset`` follows and gives flow and rules to the service at once."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Give the rules as one list to the service, in the order of the page."""
        save_flow(form.instance, formset.rules(), actor_of(request))
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        assert isinstance(obj, Flow)
        delete_flow(obj, actor_of(request))

    @display(description="Application")
    def application(self, flow: Flow) -> str:
        row = CallControlApplication.objects.filter(account=flow.account_id, telnyx_id=flow.connection_id).first()
        return str(row) if row else flow.connection_id

    @display(description="Active")
    def active_shown(self, flow: Flow) -> str:
        return status_badge("active" if flow.active else "off")


class FlowFilter(SimpleListFilter):
    """Filters applications by an active flow. Who may not see flows is not offered it."""

    title, parameter_name = "flow", "flow"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "No active flow"), ("active", "With an active flow")] if _may_see_flows(request) else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"none", "active"} or not _may_see_flows(request):
            return queryset
        flows = Flow.objects.filter(account=OuterRef("account"), connection_id=OuterRef("telnyx_id"), active=True)
        return queryset.filter(Exists(flows) if self.value() == "active" else ~Exists(flows))


def _may_see_flows(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("voice.view_flow"))
