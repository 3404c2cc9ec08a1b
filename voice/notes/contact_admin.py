"""Shows the names of numbers: a list, a form, and the import of a CSV file."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold import widgets
from unfold.admin import ModelAdmin
from unfold.decorators import display

from portal.actors import actor_of
from portal.admin.site import ReadOnlyAdmin, seen, viewer
from portal.drawn_forms import DrawnForm, DrawnPages
from portal.masking import may_see_whole
from portal.phone_numbers import check_endpoint
from portal.templatetags.portal import phone
from voice.models import Contact
from voice.notes import contacts


class ContactForm(DrawnForm):
    """Asks for a number and whom it belongs to."""

    class Meta:
        model = Contact
        fields = ("number", "name", "company")

    def clean(self) -> dict[str, Any]:
        super().clean()
        if not self.errors:
            told = (self.cleaned_data[name] for name in ("number", "name", "company"))
            self.cleaned_data |= vars(contacts.entry_of(*told))
        return self.cleaned_data


class ImportForm(forms.Form):
    """Asks for a CSV file."""

    file = forms.FileField(
        widget=widgets.UnfoldAdminFileFieldWidget(attrs={"accept": ".csv"}),
        help_text="CSV with a first line “number,name,company”: at most 2 MB and 10,000 lines. Numbers with + and "
        "country code. A number that has a name already gets the new one.",
    )


@admin.register(Contact)
class ContactAdmin(DrawnPages, ReadOnlyAdmin):  # type: ignore[misc]
    """Lists contacts. Who may not see whole numbers sees them masked, and names them from a call's page or a file."""

    form = ContactForm
    when_empty = "Name a number on the page of one of its calls, or import a CSV file."
    list_display = ("name_shown", "company_shown", "number_shown", "changed_by_shown", "changed_at")
    list_display_links = ("name_shown",)
    search_fields = ("name_folded",)  # only so that the box is drawn: see get_search_results
    search_help_text = "The beginning of a name or a company, or a whole number"
    sortable_by = ("name_shown",)
    list_before_template: Any = "voice/notes/contacts_before.html"

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Order by name; by when somebody was named, for who may not see numbers.

        Somebody may have written one into a name, which a page's address tells, and the order by comparing.
        """
        return () if may_see_whole(request.user) else ("-changed_at", "-id")

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        return self.sortable_by if may_see_whole(request.user) else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        text = " ".join(search_term.casefold().split())
        if not text:
            return queryset, False
        found = contacts.named(text)
        if may_see_whole(request.user):
            try:
                found |= Q(number=check_endpoint(search_term, ""))
            except ValidationError:
                pass  # it is a name
        return queryset.filter(found), False

    @display(description="Name", ordering="name_folded")
    def name_shown(self, contact: Contact) -> str:
        return seen(contact.name)

    @display(description="Company")
    def company_shown(self, contact: Contact) -> str:
        return seen(contact.company) or "—"

    @display(description="Number")
    def number_shown(self, contact: Contact) -> str:
        return phone(contact.number, viewer())

    @display(description="Named by")
    def changed_by_shown(self, contact: Contact) -> str:
        return seen(contact.changed_by)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj) or obj is None:
            return ("number", "name", "company")
        return ("number_shown", "name_shown", "company_shown")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if self.has_change_permission(request, obj) or obj is None else self.get_fields(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_see_whole(request.user) and ModelAdmin.has_add_permission(self, request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_see_whole(request.user) and ModelAdmin.has_change_permission(self, request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(ModelAdmin.has_delete_permission(self, request, obj))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Draw the form, or take it. A number that got a name since it was looked for is told as any that has one."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except contacts.Taken:
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        contacts.write(obj, {field: getattr(obj, field) for field in contacts.FIELDS}, actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        contacts.remove(obj, actor_of(request))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"may_import": _may_import(request.user), **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("import/", wrap(self.import_view), name="voice_contact_import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Take a CSV file: all of it, or, with what is wrong told by line, nothing."""
        if not _may_import(request.user):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        problems: list[str] = []
        if request.method == "POST" and form.is_valid():
            file = form.cleaned_data["file"]
            try:
                content = file.read(contacts.MOST_BYTES + 1)
                new, changed = contacts.store(contacts.read(content), actor_of(request))
            except contacts.BadFile as error:
                problems = error.problems
            else:
                messages.success(request, f"{new} new, {changed} named anew.")
                return HttpResponseRedirect(reverse("admin:voice_contact_changelist"))
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": "Import contacts"}
        context |= {"form": form, "problems": problems}
        return TemplateResponse(request, "voice/notes/import.html", context)


def _may_import(user: Any) -> bool:
    return bool(user.has_perms(contacts.TO_NAME))
