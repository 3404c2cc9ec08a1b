"""Manages users and groups, on Unfold's forms. What is done to them is in the audit trail."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from portal.actors import actor_of
from portal.admin.site import PortalAdmin
from portal.drawn_forms import DrawnForm, DrawnPages
from portal.models import AuditEvent
from portal.trail import changes

_COLUMNS = ("username", "name", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")
_OF_OTHERS = ("groups", "permissions", "user_permissions")

admin.site.unregister(User)
admin.site.unregister(Group)


class AuditedAdmin(DrawnPages, PortalAdmin):  # type: ignore[misc]
    """Notes who made, changed (which fields) or deleted a row."""

    actions = None

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Remember how the row is before it is changed: what it has of others is stored before anything is noted."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST":
            request.before_change = _told(found)  # type: ignore[attr-defined]
        return found

    def _before(self, request: HttpRequest) -> dict[str, Any]:
        before: dict[str, Any] = getattr(request, "before_change", {})
        return before

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        told = {name: value for name, value in _told(obj).items() if value not in ("", [])}
        AuditEvent.note(actor_of(request), f"{obj._meta.model_name}.create", obj, **changes.between({}, told))
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        # Django's own list of fields names a new password, too, of which no value is told
        told = changes.between(self._before(request), _told(obj))
        AuditEvent.note(actor_of(request), f"{obj._meta.model_name}.update", obj, changes=message, **told)
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        if type(obj)._default_manager.select_for_update(no_key=True).filter(pk=obj.pk).exists():
            AuditEvent.note(actor_of(request), f"{obj._meta.model_name}.delete", obj)
            super().delete_model(request, obj)


def _told(row: Model) -> dict[str, Any]:
    """Return what of a person or a group the audit trail tells, by name: no password, and no time of a sign-in."""
    told: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS if hasattr(row, name)}
    for name in _OF_OTHERS:
        if hasattr(row, name):
            rows = getattr(row, name).all()
            if rows.model is Permission:  # whose words have its kind of object
                rows = rows.select_related("content_type")
            told[name] = sorted(str(one) for one in rows)
    return told


class NewUserForm(UserCreationForm):
    """Makes a person who can sign in: the role is a group, and says what they may do."""

    role = forms.ModelChoiceField(
        Group.objects.order_by("name"),
        widget=UnfoldAdminSelectWidget,
        help_text="The group whose permissions they get. Others can be added afterwards.",
    )

    hashed = ""  # the password, before the transaction

    def save(self, commit: bool = True) -> Any:
        self.instance.is_staff = True  # else they are told that their password is wrong
        return super().save(commit)

    def set_password_and_save(self, user: Any, commit: bool = True, **kwargs: Any) -> Any:
        if not self.hashed:
            return super().set_password_and_save(user, commit=commit, **kwargs)
        user.password = self.hashed
        if commit:
            user.save()
        return user

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc]  # of every ModelForm
        self.instance.groups.add(self.cleaned_data["role"])


class NewPasswordForm(AdminPasswordChangeForm):
    """Hashes a password; ``UserAdmin.log_change`` saves it."""

    def save(self, commit: bool = True) -> Any:
        return super().save(commit=False)


class UserForm(DrawnForm, UserChangeForm):
    """Edits a person."""


@admin.register(User)
class UserAdmin(DjangoUserAdmin, AuditedAdmin):  # type: ignore[misc,type-arg]
    """Manages people who sign in."""

    form = UserForm
    add_form = NewUserForm
    add_fieldsets: Any = ((None, {"fields": ("username", "role", "usable_password", "password1", "password2")}),)
    readonly_fields = ("last_login", "date_joined")  # what happened is not edited
    change_password_form = NewPasswordForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Ask for the right to change people, too: Django's page for a new one does, and no button leads to a 403."""
        return self.has_change_permission(request) and super().has_add_permission(request)

    @method_decorator(sensitive_post_parameters())
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> Any:
        """Hash the password before Django's transaction: on SQLite that is the only writer, and webhooks would wait."""
        if request.method == "POST" and self.has_add_permission(request):
            form = self.get_form(request)(request.POST)
            if form.is_valid():
                told = form.cleaned_data["password1"] if form.cleaned_data["set_usable_password"] else None
                request.hashed = make_password(told)  # type: ignore[attr-defined]
        return super().add_view(request, form_url, extra_context)

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Any:
        form.hashed = getattr(request, "hashed", "")
        return super().save_form(request, form, change)

    @method_decorator(sensitive_post_parameters())
    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:
        request.sets_password = request.method == "POST"  # type: ignore[attr-defined]
        return super().user_change_password(request, id, form_url)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Note a change; of a new password save it, too, or do neither: Django's own would commit one by one.

        It is hashed by then: on SQLite a transaction is the only writer, and webhooks would wait. Hashing takes long
        enough for somebody else to delete the person.
        """
        with transaction.atomic():
            if getattr(request, "sets_password", False):
                if not User.objects.select_for_update(no_key=True).filter(pk=obj.pk).exists():
                    raise Http404
                obj.save(update_fields=["password"])
            return super().log_change(request, obj, message)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """List what goes with a person. It is theirs alone, as API tokens that nobody may delete: no right is asked."""
        listed, counts, _, protected = super().get_deleted_objects(objs, request)
        return listed, counts, set(), protected


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, AuditedAdmin):  # type: ignore[misc]
    """Manages what a kind of person may do."""

    form = DrawnForm
