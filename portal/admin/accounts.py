"""Manages Telnyx accounts in the admin: keys that go in and never come out, the webhook address, Check connection."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import IntegrityError
from django.db.models import PROTECT
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.module_loading import import_string
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanWidget

from portal.actors import actor_of
from portal.admin import navigation
from portal.admin.site import PortalAdmin, answer_dialog, viewer
from portal.drawn_forms import DrawnForm, DrawnPages
from portal.models import AuditEvent, TelnyxAccount
from portal.telnyx.connection_check import KeyTrouble, check_connection, try_key
from portal.trail import changes

_API_KEY = re.compile(r"[\x21-\x7e]{1,200}")  # what an Authorization header can carry
# of which the audit trail tells the values: of the key it only says that it changed
_TOLD = ("name", "base_url", "account_sid", "public_key", "previous_public_key")
_WHY_READ_ONLY = (
    "This account comes from the environment (TELNYX_API_KEY, TELNYX_PUBLIC_KEY, TELNYX_BASE_URL) and is refreshed "
    "from there at every start, so it cannot be changed here."
)


_CHECK: Any = {
    "title": "Check the connection?",
    "description": "Telnyx is asked for one application and for the account SID, with the account's key. Nothing is "
    "changed there; an account SID that was not known is kept here.",
    "form_class": BaseDialogForm,
    "form_submit_text": "Check",
}


class AccountForm(DrawnForm):
    """Edits an account: the API key is write-only; a new public key moves the old one aside.

    ``trouble`` is what came of trying the key that was typed: an account is not saved with one that Telnyx does not
    know, and with one that could not be tried only when that is said.
    """

    trouble: KeyTrouble | None = None
    drawn_beside = ("api_key_last4",)

    api_key = forms.CharField(
        label="API key",
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text="It is stored encrypted and never shown again. Leave empty to keep the present one.",
    )
    unchecked = forms.BooleanField(
        label="Save it unchecked",
        required=False,
        widget=UnfoldBooleanWidget,
        help_text="Enter the key again, and save it without knowing whether Telnyx takes it.",
    )

    class Meta:
        model = TelnyxAccount
        fields = ("name", "base_url", "account_sid", "public_key", "previous_public_key")
        labels = {"base_url": "Base URL"}

    def clean_api_key(self) -> str:
        key: str = self.cleaned_data["api_key"]
        if key and not _API_KEY.fullmatch(key):
            raise forms.ValidationError("An API key has only visible ASCII characters and no spaces.")
        if not key and self.instance._state.adding:
            raise forms.ValidationError("Enter the API key that Telnyx shows once when it is made.")
        return key

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        # else whoever may edit an account could have its key sent to a host of their own
        if "base_url" in self.changed_data and not self.instance._state.adding and not values.get("api_key"):
            self.add_error(
                "api_key", "The address changes: enter the key again, so that no other host is sent the old one."
            )
        if values.get("api_key") and {"base_url", "api_key_last4"} & self.changed_meanwhile:
            self.add_error(
                "api_key",
                "Somebody else has changed the address or the key meanwhile: enter the key again to have yours.",
            )
        old = self.initial.get("public_key")
        replaced = bool(old and values.get("public_key") and values["public_key"] != old)
        if replaced and "previous_public_key" not in self.changed_data:
            values["previous_public_key"] = old
        if self.trouble and (self.trouble.is_wrong or not values.get("unchecked")):
            self.add_error(self.trouble.field, f"Nothing was saved. {self.trouble}")
        return values


@admin.register(TelnyxAccount)
class TelnyxAccountAdmin(DrawnPages, PortalAdmin):  # type: ignore[misc]
    """Shows accounts of the environment without letting them be edited; deletes none that anything hangs on."""

    form = AccountForm
    list_display = ("name", "kind", "base_url", "api_key_last4", "webhooks")
    readonly_fields = (
        *("api_key_last4", "found_account_sid", "texml_lists", "webhook_address", "created_at", "updated_at"),
    )
    change_form_outer_after_template: Any = "portal/admin/account_panels.html"
    actions = None
    actions_detail: Any = ("check_connection",)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Try a new key before Django opens its transaction, in which Telnyx is not asked."""
        if request.method == "POST":
            account = self.get_object(request, unquote(object_id)) if object_id else None
            if account or not object_id:
                self._try_key(request, account)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        context["panels"] = [import_string(name)(request, obj) for name in settings.ACCOUNT_PANELS] if obj else []
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _try_key(self, request: Any, account: TelnyxAccount | None) -> None:
        """Leave what came of it for the form: nothing, when there is nothing to try or nobody who may."""
        if not (self.has_change_permission(request, account) if account else self.has_add_permission(request)):
            return
        form = self.get_form(request, account, change=account is not None)(request.POST, instance=account)
        if form.is_valid() and form.cleaned_data["api_key"]:
            form.instance.api_key = form.cleaned_data["api_key"]
            try:
                request.key_tried = try_key(form.instance)
            except KeyTrouble as trouble:
                request.key_trouble = trouble

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)  # a class of this request
        form.trouble = getattr(request, "key_trouble", None)
        return form

    @display(description="Kind", label={"LIVE": "danger", "SANDBOX": "success"})
    def kind(self, account: TelnyxAccount) -> str:
        return "LIVE" if account.is_live else "SANDBOX"

    @display(description="Webhooks can be verified", boolean=True)
    def webhooks(self, account: TelnyxAccount) -> bool:
        return bool(account.public_keys)

    @display(description="Webhook URL")
    def webhook_address(self, account: TelnyxAccount) -> str:
        return format_html(
            '<span class="portal-copyline"><code class="portal-mono">{0}</code>'
            '<button type="button" class="portal-copy portal-button" data-copy="{0}">Copy</button></span>',
            account.webhook_url,
        )

    @display(description="At Telnyx")
    def texml_lists(self, account: TelnyxAccount) -> str:
        links = ((url, name) for name, url in navigation.texml_lists(viewer(), account))
        return format_html_join(" · ", '<a class="portal-link" href="{}">{}</a>', links)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = obj is not None and not self.has_change_permission(request, obj)
        trouble = getattr(request, "key_trouble", None)
        key = [*(["api_key_last4"] if obj else []), *([] if fixed else ["api_key"])]
        key += ["unchecked"] if trouble and not trouble.is_wrong else []
        why = _WHY_READ_ONLY if obj and obj.from_environment else None
        sets: list[Any] = [(None, {"fields": ["name", "base_url", *key], "description": why})]
        rotation = (
            "Copy it from Keys & Credentials → Public Key. When it changes, the old one becomes the previous one."
        )
        sets.append(("Webhooks", {"fields": ["public_key", "previous_public_key"], "description": rotation}))
        lists = ["texml_lists"] if obj and navigation.texml_lists(request.user, obj) else []
        sets.append(("TeXML", {"fields": ["account_sid", *(["found_account_sid"] if obj else []), *lists]}))
        if obj:
            sets[1][1]["fields"].append("webhook_address")
            sets.append(("Dates", {"fields": ["created_at", "updated_at"]}))
        return sets

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not getattr(obj, "from_environment", False)

    def has_check_permission(self, request: HttpRequest, *_: Any) -> bool:
        return request.user.has_perm("portal.change_telnyxaccount")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not getattr(obj, "from_environment", False)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if key := form.cleaned_data["api_key"]:
            obj.api_key = key
        super().save_model(request, obj, form, change)
        changed = sorted({*form.changed_data} - {"unchecked"})
        named = [name for name in changed if name in _TOLD]
        before, after = ({name: values.get(name) for name in named} for values in (form.initial, form.cleaned_data))
        told = changes.between(before, after) if change and named else {}
        what = "account.update" if change else "account.create"
        AuditEvent.note(actor_of(request), what, obj, changed=changed, **told)
        if tried := getattr(request, "key_tried", ""):
            messages.success(request, tried)
        elif form.trouble:
            messages.warning(request, f"The key was saved unchecked. {form.trouble}")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Ask each kind for one row: enough for a no, where Django would list every call of the account."""
        if kinds := [kind for account in objs for kind in _hanging_on(account)]:
            return [], {}, set(), kinds
        shown, counts, _, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected  # what goes along (its pulls) needs no permission of its own

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Ask anew when something came in meanwhile, as a webhook does: the page names what hangs on the account."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except IntegrityError:
            messages.error(request, "Nothing was deleted: something of this account came in meanwhile.")
            return HttpResponseRedirect(request.path)

    def delete_model(self, request: HttpRequest, obj: TelnyxAccount) -> None:
        if TelnyxAccount.objects.select_for_update(no_key=True).filter(pk=obj.pk).exists():
            AuditEvent.note(actor_of(request), "account.delete", obj)
            super().delete_model(request, obj)

    @action(  # type: ignore[operator]
        description="Check connection",
        url_path="check-connection",
        icon="network_check",
        permissions=["check"],  # a dotted name would be looked up in the database at every system check
        dialog=_CHECK,  # a POST: no link or picture elsewhere makes somebody's browser ask Telnyx
    )
    def check_connection(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Ask Telnyx for one application and the account SID, keep that, and tell in words what came of it."""
        account = self.get_object(request, object_id)
        if account is None:
            return answer_dialog(request, reverse("admin:portal_telnyxaccount_changelist"))
        well, sentences = check_connection(account)
        for sentence in sentences:
            messages.add_message(request, messages.SUCCESS if well else messages.ERROR, sentence)
        return answer_dialog(request, reverse("admin:portal_telnyxaccount_change", args=[account.pk]))


def _hanging_on(account: TelnyxAccount) -> list[str]:
    """Return the kinds of rows that refer to ``account`` and keep it from being deleted."""
    kinds = []
    for relation in account._meta.get_fields(include_hidden=True):
        if getattr(relation, "on_delete", None) is PROTECT and relation.auto_created:
            model: Any = relation.related_model
            if model._base_manager.filter(**{relation.field.name: account}).exists():  # type: ignore[union-attr]
                kinds.append(str(model._meta.verbose_name_plural))
    return kinds
