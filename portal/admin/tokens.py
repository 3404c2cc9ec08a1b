"""Makes, shows once and revokes REST tokens. Nothing of a token is changed, and no row is deleted."""

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from portal.actors import actor_of
from portal.admin import my_tokens
from portal.admin.my_tokens import DAYS
from portal.admin.site import PortalAdmin, answer_dialog
from portal.models import MOST_DAYS, SCOPES, ApiToken, AuditEvent

_REVOKE: Any = {
    "title": "Revoke this token?",
    "description": "Whatever uses it is refused at once. This cannot be undone.",
    "form_class": BaseDialogForm,
    "form_submit_text": "Revoke",
}


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """Makes a new token."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What it is for, and no more. A token can never do more than its user.",
        error_messages={"required": "Tick what the token is for."},
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name", "scopes", "expires_at")
        help_texts = {"expires_at": "Empty: it never ends."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("expires_at", timezone.now() + timedelta(days=DAYS))

    def clean_expires_at(self) -> Any:
        until = self.cleaned_data["expires_at"]
        if until and until <= timezone.now():
            raise forms.ValidationError("This time has passed.")
        if until and until > timezone.now() + timedelta(days=MOST_DAYS):
            raise forms.ValidationError("A token ends within 100 years, or never.")
        return until


@admin.register(ApiToken)
class ApiTokenAdmin(PortalAdmin):
    """Shows the text of a token on the page that answers its making, and nowhere else."""

    list_display = ("name", "user", "prefix", "scope_list", "expires_at", "last_used_at", "state")
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "prefix__exact")
    actions = None
    actions_detail: Any = ("revoke",)

    @display(description="Scopes")
    def scope_list(self, token: ApiToken) -> str:
        return ", ".join(token.scopes) or "all"

    @display(description="State", label={"usable": "success", "revoked": "danger", "expired": "warning"})
    def state(self, token: ApiToken) -> str:
        if token.revoked_at:
            return "revoked"
        return "usable" if token.is_usable else "expired"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiToken], search_term: str
    ) -> tuple[QuerySet[ApiToken], bool]:
        """Find a token also by its beginning as *My tokens* writes it."""
        return super().get_search_results(request, queryset, search_term.removeprefix("tvp_").removesuffix("…"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **(kwargs if obj else kwargs | {"form": TokenForm}))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("user", "name", "scopes", "expires_at")
        return (
            "name",
            "user",
            "prefix",
            "scope_list",
            "state",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "created_at",
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "user" and field is not None:
            # a token for someone else is that person's rights: only for those who could edit that person anyway
            users, person = get_user_model().objects.filter(is_active=True), cast("User", request.user)
            field.queryset = users if person.has_perm("auth.change_user") else users.filter(pk=person.pk)
            field.initial = person.pk
        return field

    def get_urls(self) -> list[URLPattern]:
        return [*my_tokens.urls(), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("portal.change_apitoken")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        hidden = {"show_save_and_continue": False, "show_save_and_add_another": False}
        answer: HttpResponse = super().add_view(request, form_url, (extra_context or {}) | hidden)
        return answer

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made, text = ApiToken.make(obj.user, obj.name, obj.scopes, obj.expires_at)
        obj.pk, obj.prefix = made.pk, made.prefix
        request.token_text = text  # type: ignore[attr-defined]  # for the one answer, below
        AuditEvent.note(actor_of(request), "token.make", obj, user=obj.user.get_username(), scopes=obj.scopes)

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        """Answer with the one page that shows the text. Not a message: those are kept in a cookie or in the session."""
        context = self.admin_site.each_context(request) | {
            "title": f"Token {obj.name}",
            "opts": self.opts,
            "text": request.token_text,  # type: ignore[attr-defined]
            "back": reverse("admin:portal_apitoken_changelist"),
        }
        return TemplateResponse(request, "portal/admin/token_made.html", context)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        token = self.get_object(request, str(object_id))
        return [] if token is None or token.revoked_at else super().get_actions_detail(request, object_id)

    @action(  # type: ignore[operator]
        description="Revoke",
        icon="block",
        variant=ActionVariant.DANGER,
        permissions=["revoke"],  # a dotted name would be looked up in the database at every system check
        dialog=_REVOKE,
    )
    def revoke(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Revoke it."""
        token = self.get_object(request, object_id)
        if token is not None and token.revoke(actor_of(request)):
            messages.success(request, f"The token {token.name} is revoked.")
        return answer_dialog(request, reverse("admin:portal_apitoken_changelist"))
