"""Makes a document of TwiML in the browser: first what changes is told, then the draft is made."""

import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from portal.actors import actor_of
from portal.models import TelnyxAccount
from portal.texml.tree import Malformed
from portal.texml.twiml import Imported, from_twiml
from voice.documents import service
from voice.documents.admin.pages import DocumentPages, page_of
from voice.models import TexmlDocument


class ImportForm(forms.Form):
    """Asks for the TwiML, and how the document shall be called."""

    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget)
    account = forms.ModelChoiceField(TelnyxAccount.objects, widget=UnfoldAdminSelectWidget)
    twiml = forms.CharField(
        strip=False,
        label="TwiML",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 16, "spellcheck": "false", "wrap": "off"}),
        help_text="The whole document.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "twiml" in cleaned:
            try:
                cleaned["imported"] = from_twiml(cleaned["twiml"])
            except Malformed as malformed:
                found = malformed.finding
                self.add_error("twiml", f"Line {found.line}, column {found.column}: {found.message}")
        return cleaned


class ImportPages(DocumentPages):
    """Adds the page to the ModelAdmin of documents."""

    list_before_template: Any = "voice/documents/list_before.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.import_view)
        return [path("import/", view, name="voice_texmldocument_import"), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Tell what changes; with ``make``, which names the TwiML whose changes were told, make the draft of that."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        accounts = list(TelnyxAccount.objects.all()[:2])
        form = ImportForm(request.POST or None, initial={"account": accounts[0] if len(accounts) == 1 else None})
        imported: Imported | None = form.cleaned_data.get("imported") if form.is_valid() else None
        checked = _digest(form) if imported is not None else ""
        if imported is not None and request.POST.get("make") == checked:
            given = form.cleaned_data
            row = TexmlDocument(account=given["account"], name=given["name"], draft=imported.document)
            try:
                made = service.save_document(row, actor_of(request))
                messages.success(request, f"{made.name} is made. Look at its draft, then publish it.")
                is_seen = self.has_view_permission(request)  # else a 403 would say that it was not made
                return HttpResponseRedirect(page_of(made) if is_seen else reverse("admin:index"))
            except ValidationError as error:
                for name, words in error.message_dict.items():
                    field = {"draft": "twiml"}.get(name, name)
                    form.add_error(field if field in form.fields else None, words)
        back = reverse("admin:voice_texmldocument_changelist" if self.has_view_permission(request) else "admin:index")
        context = {"title": "Import TwiML", "opts": self.opts, "form": form, "imported": imported, "back": back}
        context |= {"checked": checked, "is_another": request.POST.get("make", checked) != checked}
        around = self.admin_site.each_context(request)
        return TemplateResponse(request, "voice/documents/import.html", {**around, **context})


def _digest(form: ImportForm) -> str:
    """Return what names the TwiML whose changes were told: it can be written in until its draft is made."""
    # a browser drops the empty first line of a text area that is drawn again
    twiml: str = form.cleaned_data["twiml"].strip()
    return hashlib.sha256(twiml.encode()).hexdigest()
