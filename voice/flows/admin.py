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
from portal.admin.filters import CountedBooleanFilter, CountedRelatedFilter
from portal.admin.site import PortalAdmin, as_json, seen, viewer
from portal.masking import set_up_for
from portal.refusals import PortalRefusal
from portal.telnyx.schemas import describe
from portal.templatetags.portal import status_badge
from voice.catalogue import actions
from voice.catalogue.event_types import EVENT_TYPES
from voice.catalogue.forms import JSONText
from voice.dialling import limits
from voice.dialling.forms import first_and
from voice.flows.conditions import CALL_FIELDS
from voice.flows.history_pages import FlowHistory
from voice.flows.rules import problems
from voice.flows.service import checked, delete_flow, save_flow, with_secrets_of_rule
from voice.flows.versions import ChangedMeanwhile, held, newest_of
from voice.models import Flow, Rule

_WHEN = 'All must hold. A list of {"field", "op", "value"}; fields are event.payload.… or call.…'
_AGAIN = "What you typed is still here: saving once more puts it in the place of what somebody else saved."
_MOST_OFFERED = 5000  # applications in the list of choices
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

    def clean_when(self) -> Any:
        return self._whole("when")

    def clean_do(self) -> Any:
        return with_secrets_of_rule(self._whole("do"), self.instance.do)

    def _whole(self, name: str) -> Any:
        """Return the value as it was sent; the row's own if that is what its writer was shown of it."""
        value = self.cleaned_data.get(name) or []
        return getattr(self.instance, name) if value == self.initial[name] else value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for place, messages in problems(cleaned).items():
            name, _, where = place.partition(".")
            self.add_error(name, [f"{where}: {message}" if where else message for message in messages])
        return cleaned


class RuleFormSet(PaginationInlineFormSet):
    """Holds the rules of the page. ``actor`` is who sends it, and is to have the rights of what they do."""

    actor: Actor

    def _construct_form(self, i: int, **kwargs: Any) -> Any:
        form = super()._construct_form(i, **kwargs)  # type: ignore[misc]
        if i < self.initial_form_count() and form.instance._state.adding:  # somebody took that rule away meanwhile
            form.fields["id"] = forms.Field(required=False, disabled=True, widget=forms.HiddenInput)
        return form

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules that stay, in the order of the page."""
        return [form.cleaned_data for form in self._staying()]

    def _staying(self) -> list[Any]:
        kept = list(self.ordered_forms) if self.can_order else self.forms
        rules = [form for form in kept if form.cleaned_data and form not in self.deleted_forms]
        # new ones stand below, where the page shows them and nobody can drag them: they are sent with position 0
        return sorted(rules, key=lambda form: (form in self.extra_forms, form.cleaned_data.get("position") or 0))

    def clean(self) -> None:
        super().clean()
        if any(self.errors) or self.instance.account_id is None:
            return
        try:
            checked(self.instance, self.rules(), self.actor)
        except PortalRefusal as refused:
            raise ValidationError(seen(refused.words)) from None
        except ValidationError as wrong:
            self._tell(wrong)

    def _tell(self, wrong: ValidationError) -> None:
        """Say what is wrong beside the value that it is about, or of all rules."""
        forms = self._staying()
        for place, messages in wrong.message_dict.items():
            _, _, where = place.partition("rules.")
            at, _, name = where.partition(".")
            if not at:
                raise ValidationError(messages)
            forms[int(at)].add_error(name.partition(".")[0], messages)


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
    """Edits a flow. The application is chosen by name; the account follows from it. ``seen`` is the save it was."""

    application = forms.ChoiceField(widget=UnfoldAdminSelectWidget, help_text="The flow runs for its calls.")
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Flow
        fields = ("name", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = f"{self.instance.account_id} {self.instance.connection_id}" if not self.instance._state.adding else ""
        rows = CallControlApplication.objects.select_related("account").filter(missing_since=None)
        wanted = str(self.data.get("application") or self.initial.get("application") or here)
        found, is_cut = first_and(rows, _MOST_OFFERED, wanted.partition(" ")[2])
        self.applications = {f"{row.account_id} {row.telnyx_id}": row for row in found}
        choices = [(key, f"{row} ({row.account})") for key, row in self.applications.items()]
        if here and here not in self.applications:
            choices.insert(0, (here, f"Connection {self.instance.connection_id}"))
        self.fields["application"].choices = choices  # type: ignore[attr-defined]
        if is_cut:
            words = f"Only the first {_MOST_OFFERED:,} are listed: for another one begin the flow on its page."
            self.fields["application"].help_text = f"{self.fields['application'].help_text} {words}"
        self.fields["application"].initial = here
        if here and "seen" in self.fields:
            self.initial["seen"] = getattr(self.instance, "seen", "") or newest_of(self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        row = self.applications.get(cleaned.get("application", ""))
        if row:
            limits.of_account(row.account)  # its row comes before the flow's (docs/locks.md)
        if not self.instance._state.adding:
            self._hold(cleaned.get("seen", ""))
        if row:
            self.instance.account, self.instance.connection_id = row.account, row.telnyx_id
        return cleaned

    def _hold(self, seen: str) -> None:
        """Lock the flow until the page's transaction ends: what was looked at is what is replaced.

        What somebody else saved meanwhile is looked at before the page is sent again, which then may replace it.
        """
        try:
            held(self.instance, seen, "saved")
        except ChangedMeanwhile as changed:
            self.data = self.data.copy()  # type: ignore[attr-defined]
            self.data[self.add_prefix("seen")] = newest_of(self.instance)  # type: ignore[index]
            raise ValidationError([str(changed), _AGAIN]) from None

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
    list_filter = (("active", CountedBooleanFilter), ("account", CountedRelatedFilter))
    list_filter_submit = list_filter_sheet = True
    search_fields = ("name", "connection_id__exact")
    actions = None

    class Media:
        js = tuple(Script(f"voice/{name}.js", defer=True) for name in ("catalogue/parameters", "flows/rules"))

    change_form_outer_after_template: Any = "voice/flows/event_types.html"

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        may_change = obj is None or self.has_change_permission(request, obj)
        return fields if may_change else [name for name in fields if name != "seen"]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Find it as it is after the save that its page tells: another one from then on makes the page an old one."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is None:
            return None
        seen = newest_of(found)
        if found := super().get_object(request, object_id, from_field):
            found.seen = seen
        return found

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

    def complete(self, rows: list[Any]) -> None:
        """Name the application of each: one statement for the page."""
        found = CallControlApplication.objects.filter(telnyx_id__in={flow.connection_id for flow in rows})
        found = found.only("account_id", "telnyx_id", "application_name")
        names = {(row.account_id, row.telnyx_id): str(row) for row in found}
        for flow in rows:
            flow.application_name = names.get((flow.account_id, flow.connection_id), flow.connection_id)

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
    def application(self, flow: Any) -> str:
        if not hasattr(flow, "application_name"):  # on its own page, for who may only look: no list has completed it
            self.complete([flow])
        return seen(flow.application_name)

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
