"""Lists hosted documents, and shows the draft of one with its editor, its address and what leads to it."""

import zlib
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from portal.actors import actor_of
from portal.admin.filters import CountedRelatedFilter
from portal.admin.site import as_json, viewer
from portal.masking import addresses_for, set_up_for
from portal.texml.findings import Finding
from portal.texml.judging.linter import lint_template
from portal.texml.judging.rules.context import Surroundings
from portal.texml.tree import LARGEST
from portal.texts import visible
from voice.catalogue.forms import JSONText
from voice.documents import cases, service, serving, usage
from voice.documents.admin.cases import CasePages
from voice.documents.admin.imports import ImportPages
from voice.documents.admin.pages import page_of
from voice.documents.admin.publishing import PUBLISH, PublishingPages
from voice.documents.serializers import variables_for
from voice.models import TexmlCase, TexmlDocument, TexmlFetch, TexmlVersion
from voice.texml_editor import pages
from voice.texml_editor.draft import Draft
from voice.texml_editor.forms import TexmlEditor, with_line_ends_of

MOST_SAVED = 20  # documents of which it is known which text was saved
_CHANGED = "Somebody else changed this document since you opened it. Open it again in another window, and compare."
_SAVED = "texml_saved"  # in the session: which text its person has saved last, by document
_NEW = "new"  # as a new one


class DocumentForm(forms.ModelForm):  # type: ignore[type-arg]
    """Edits the draft. ``seen_digest`` is the state that the page was drawn from."""

    draft = forms.CharField(required=False, strip=False, widget=TexmlEditor)  # a browser would cut off at a max_length
    variables = JSONText(required=False, help_text=TexmlDocument._meta.get_field("variables").help_text)
    seen_digest = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = TexmlDocument
        fields = ("name", "account", "draft", "variables", "apology", "signature")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("draft", "apology"):
            if name in self.fields and name in self.initial:
                self.initial[name] = set_up_for(viewer(), self.initial[name])
        if "variables" in self.initial:
            self.initial["variables"] = variables_for(viewer(), self.initial["variables"])
        if not self.instance._state.adding and "seen_digest" in self.fields:
            self.initial["seen_digest"] = self.instance.digest

    def clean_draft(self) -> str:
        text: str = self._whole("draft", with_line_ends_of(self.initial.get("draft", ""), self.cleaned_data["draft"]))
        if (size := len(text.encode("utf-8", "surrogatepass"))) > LARGEST:
            raise ValidationError(f"The document has {size:,} bytes: {LARGEST:,} are allowed.")
        return text

    def clean_variables(self) -> Any:
        return self._whole("variables", self.cleaned_data.get("variables") or {})

    def clean_apology(self) -> Any:
        return self._whole("apology", self.cleaned_data["apology"])

    def _whole(self, name: str, value: Any) -> Any:
        """Return the value as it was sent; the row's own if that is what its writer was shown of it."""
        return getattr(self.instance, name) if value == self.initial.get(name) else value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.instance._state.adding:
            # held until the page's transaction ends: what is compared is what is replaced
            held = (
                TexmlDocument.objects.select_for_update(of=("self",), no_key=True).filter(pk=self.instance.pk).first()
            )
            if held is None or held.digest != cleaned.get("seen_digest"):
                raise ValidationError(_CHANGED)
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            service.check(self.instance)
        except ValidationError as error:
            for name, words in error.message_dict.items():
                self.add_error(name if name in self.fields else None, words)


@admin.register(TexmlDocument)
class TexmlDocumentAdmin(PublishingPages, CasePages, ImportPages):  # type: ignore[misc]
    """Lists and edits documents; publishes them on pages of their own."""

    when_empty = "A document says in TeXML what a caller hears. Once published, a TeXML application can fetch it here."
    form = DocumentForm
    list_display = ("name", "account", "published_shown", "verified_at", "updated_at")
    list_filter = (("account", CountedRelatedFilter), ("signature", ChoicesDropdownFilter))
    list_filter_submit = list_filter_sheet = True
    search_fields = ("name",)
    actions = None
    change_form_before_template: Any = "voice/documents/form_top.html"

    def get_urls(self) -> list[URLPattern]:
        return [*pages.urls(self, self.edited), *super().get_urls()]

    def edited(self, request: HttpRequest, document_id: Any) -> Draft:
        """Return the draft as it stands in the form, saved or not."""
        source, declared = pages.posted(request, "draft", "variables")
        if document_id is None:
            known = Surroundings(variables=frozenset(declared))
            return Draft(source, declared, serving.apologise(""), judge=partial(lint_template, source, known))
        document = self.as_posted(request, document_id, "voice.view_texmldocument")
        return replace(cases.drafted(document), judge=partial(self._findings, request, document))

    def _findings(self, request: HttpRequest, posted: TexmlDocument) -> list[Finding]:
        """Judge the draft as it would be saved: the masked text that its writer was shown stands for the whole one."""
        stored = self.document_of(request, posted.pk, "voice.view_texmldocument")
        shown = set_up_for(request.user, stored.draft)
        if with_line_ends_of(shown, posted.draft) == shown:
            posted.draft = stored.draft
        if posted.variables == variables_for(request.user, stored.variables):
            posted.variables = stored.variables
        return service.findings(posted)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if draft := context["adminform"].form.fields.get("draft"):  # of this form alone: fields of classes are shared
            document = context.get("original")
            pages.set_up(draft.widget, self, document.pk if document else None, "variables")
            if document and self.has_change_permission(request, document):
                draft.widget.case = reverse("admin:voice_texmldocument_cases_keep", args=[document.pk])
            saved = request.session.get(_SAVED, {})
            draft.widget.attrs["data-saved"] = saved.get(str(document.pk) if document else _NEW, "")
            if context["errors"]:
                draft.widget.attrs["data-unsaved"] = ""
                context["sides"] = self._theirs_and_mine(request, context["adminform"].form)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show who may not change it what they may see of it, and no more."""
        if obj is None or self.has_change_permission(request, obj):
            return ("account",) if obj is not None else ()
        return ("name", "account", "draft_shown", "variables_shown", "apology_shown", "signature")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return ("name", "account", "draft", "variables", "apology", "signature", "seen_digest")
        return self.get_readonly_fields(request, obj)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        document = self.get_object(request, unquote(object_id)) if object_id else None
        context: dict[str, Any] = {}
        if document is not None and self.has_view_permission(request, document):
            context = {
                "document": document,
                "address": addresses_for(request.user, document.url),
                "fallback_address": addresses_for(request.user, document.fallback_url),
                "findings": set_up_for(request.user, [one.as_json() for one in service.findings(document)]),
                "uses": usage.used_by(document),
                "case_count": document.cases.count(),
                "may_publish": request.user.has_perm(PUBLISH),
            }
        return super().changeform_view(request, object_id, form_url, context | (extra_context or {}))

    def _theirs_and_mine(self, request: HttpRequest, form: DocumentForm) -> list[tuple[str, str]]:
        """Return the draft as somebody else saved it meanwhile, and as it was posted; nothing when nobody did."""
        saved = TexmlDocument.objects.filter(pk=form.instance.pk).first()
        if saved is None or saved.digest == form["seen_digest"].value():
            return []
        theirs = set_up_for(request.user, saved.draft)
        return [("what is saved now", theirs), ("your text", with_line_ends_of(theirs, form["draft"].value() or ""))]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        service.save_document(obj, actor_of(request))
        self._remember(request, str(obj.pk) if change else _NEW, form["draft"].value() or "")

    def _remember(self, request: HttpRequest, name: str, posted: str) -> None:
        """Note the CRC-32 of what was saved, as the editor had it: the line ends and numbers of the row may differ."""
        sums = dict(request.session.get(_SAVED, {}))
        sums.pop(name, None)  # the latest one stands last
        sums[name] = zlib.crc32(with_line_ends_of("\n", posted).encode("utf-8", "surrogatepass"))
        request.session[_SAVED] = dict(list(sums.items())[-MOST_SAVED:])

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Say why a document that is in use, maybe only by now, stays."""
        document = self.get_object(request, unquote(object_id))
        if document is None or not self.has_delete_permission(request, document):
            return super().delete_view(request, object_id, extra_context)
        if not usage.used_by(document).listed:
            with suppress(ValidationError):  # it came into use since
                return super().delete_view(request, object_id, extra_context)
        messages.error(request, f"{document.name} is in use: callers would hear nothing any more.")
        return HttpResponseRedirect(page_of(document))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Count what goes with a document: its log may be long, and no right beside its own is asked."""
        documents = list(objs)
        counts = {str(self.opts.verbose_name_plural): len(documents)}
        for rows in (TexmlVersion.objects, TexmlCase.objects, TexmlFetch.objects):
            kind = str(rows.model._meta.verbose_name_plural)
            counts[kind] = rows.filter(document__in=documents).count()
        return [str(document) for document in documents], counts, set(), []

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        assert isinstance(obj, TexmlDocument)
        service.delete_document(obj, actor_of(request))

    @display(description="Published")
    def published_shown(self, document: TexmlDocument) -> str:
        return f"v{document.published}" if document.published else "not published"

    @display(description="Draft")
    def draft_shown(self, document: TexmlDocument) -> str:
        return format_html(
            '<pre class="portal-json" tabindex="0">{}</pre>', visible(set_up_for(viewer(), document.draft))
        )

    @display(description="Variables")
    def variables_shown(self, document: TexmlDocument) -> str:
        return as_json(variables_for(viewer(), document.variables), of_a_call=False)

    @display(description="Apology")
    def apology_shown(self, document: TexmlDocument) -> str:
        return str(set_up_for(viewer(), document.apology))
