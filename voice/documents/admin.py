"""Shows hosted documents in the browser: the draft, publishing it, its versions and what differs, what was fetched."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from portal.actors import actor_of
from portal.admin.pages import PageAdmin
from portal.admin.site import PortalAdmin, as_json, seen, viewer
from portal.masking import addresses_for, set_up_for
from portal.refusals import PortalRefusal
from portal.templatetags.portal import status_badge
from portal.texml.linter import lint
from portal.texml.rules.context import Surroundings
from portal.texml.tree import LARGEST
from portal.texts import visible
from voice.catalogue.forms import JSONText
from voice.documents import diffs, service, serving, usage
from voice.documents.serializers import body_for, variables_for
from voice.models import Call, TexmlDocument, TexmlFetch
from voice.texml_editor import pages
from voice.texml_editor.draft import Draft
from voice.texml_editor.forms import TexmlEditor, with_line_ends_of

_PUBLISH = "voice.publish_texmldocument"
_CHANGED = "Somebody else changed this document since you opened it. Open it again in another window, and compare."


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
        if self.instance.pk and not self.instance._state.adding and "seen_digest" in self.fields:
            self.initial["seen_digest"] = self.instance.digest

    def clean_draft(self) -> str:
        text = with_line_ends_of(self.initial.get("draft", ""), self.cleaned_data["draft"])
        if (size := len(text.encode("utf-8", "surrogatepass"))) > LARGEST:
            raise ValidationError(f"The document has {size:,} bytes: {LARGEST:,} are allowed.")
        return text

    def clean_variables(self) -> Any:
        return self.cleaned_data.get("variables") or {}

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


class PublishForm(forms.Form):
    """Asks for a note, and whether warnings are known."""

    digest = forms.CharField(widget=forms.HiddenInput)
    note = forms.CharField(
        required=False, max_length=500, widget=UnfoldAdminTextInputWidget, help_text="What changed, for those who look."
    )
    confirmed = forms.BooleanField(
        required=False, label="Publish in spite of the warnings", widget=UnfoldBooleanSwitchWidget
    )


class CopyForm(forms.Form):
    """Asks how the copy is called."""

    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget)


@admin.register(TexmlDocument)
class TexmlDocumentAdmin(PortalAdmin):
    """Lists and edits documents; publishes them on pages of their own."""

    when_empty = "A document says in TeXML what a caller hears. Once published, a TeXML application can fetch it here."
    form = DocumentForm
    list_display = ("name", "account", "published_shown", "verified_at", "updated_at")
    list_filter = ("account", "signature")
    search_fields = ("name",)
    actions = None
    change_form_before_template: Any = "voice/documents/form_top.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("<uuid:document_id>/publish/", wrap(self.publish_view), name="voice_texmldocument_publish"),
            path("<uuid:document_id>/versions/", wrap(self.versions_view), name="voice_texmldocument_versions"),
            path("<uuid:document_id>/diff/", wrap(self.diff_view), name="voice_texmldocument_diff"),
            path("<uuid:document_id>/roll-back/", wrap(self.roll_back_view), name="voice_texmldocument_roll_back"),
            path("<uuid:document_id>/copy/", wrap(self.copy_view), name="voice_texmldocument_copy"),
        ]
        return [*pages.urls(self, self.edited), *ours, *super().get_urls()]

    def edited(self, request: HttpRequest, document_id: Any) -> Draft:
        """Return the draft as it stands in the form, saved or not."""
        source, declared = pages.posted(request, "draft", "variables")
        if document_id is None:
            known = Surroundings(variables=frozenset(declared))
            return Draft(source, declared, serving.apologise(""), judge=partial(lint, source, known))
        document = self._document(request, document_id, "voice.view_texmldocument")
        document.draft, document.variables = source, declared
        apology = serving.apologise(request.POST.get("apology", ""))
        judge = partial(service.findings, document)
        return Draft(source, declared, apology, document.url, serving.answer_at, judge)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if draft := context["adminform"].form.fields.get("draft"):  # of this form alone: fields of classes are shared
            document = context.get("original")
            pages.set_up(draft.widget, self, document.pk if document else None, "variables")
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
                "may_publish": request.user.has_perm(_PUBLISH),
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

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Say why a document that is in use stays."""
        document = self.get_object(request, unquote(object_id))
        if document is not None and self.has_delete_permission(request, document) and usage.used_by(document):
            messages.error(request, f"{document.name} is in use: callers would hear nothing any more.")
            return HttpResponseRedirect(_page(document))
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        assert isinstance(obj, TexmlDocument)
        service.delete_document(obj, actor_of(request))

    def publish_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Show what would be published and what the linter says; publish it (POST)."""
        document = self._document(request, document_id, _PUBLISH)
        form = PublishForm(request.POST or None, initial={"digest": document.digest})
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                version = service.publish(
                    document,
                    actor_of(request),
                    note=given["note"],
                    confirmed=given["confirmed"],
                    expected=given["digest"],
                )
                messages.success(request, f"Version {version.number} of {document.name} is published.")
                return HttpResponseRedirect(_page(document))
            except service.Unfit as unfit:
                form.add_error(None, unfit.message_dict["draft"][0])
            except PortalRefusal as refused:
                form.add_error(None, refused.words)
            except ValidationError as error:
                form.add_error(None, [str(words) for words in error.messages])
        found = service.findings(document)
        context = {
            "title": f"Publish {document.name}",
            "form": form,
            "findings": set_up_for(request.user, [one.as_json() for one in found]),
            "warns": any(one.level == "warning" for one in found),
            "is_wrong": any(one.level in {"fatal", "error"} for one in found),
        }
        context |= self._compared(request, document, str(document.published)) if document.published else {}
        return self._drawn(request, document, "publish", context)

    def versions_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """List the versions."""
        document = self._document(request, document_id, "voice.view_texmldocument")
        versions = list(document.versions.defer("source", "variables", "apology")[:500])
        before = [one.number for one in versions[1:]] + [None]
        rows = [
            {
                "version": one,
                "author": seen(one.author),
                "note": seen(one.note),
                "before": previous,
                "findings": len(one.findings),
                "is_served": one.number == document.published,
            }
            for one, previous in zip(versions, before, strict=True)
        ]
        context = {"title": f"Versions of {document.name}", "rows": rows}
        return self._drawn(request, document, "versions", context | {"may_publish": request.user.has_perm(_PUBLISH)})

    def diff_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Compare two states: ``?from=1&to=draft``."""
        document = self._document(request, document_id, "voice.view_texmldocument")
        before, after = request.GET.get("from", ""), request.GET.get("to", diffs.DRAFT)
        try:
            compared = self._compared(request, document, before, after)
        except LookupError:
            raise Http404 from None
        title = f"{document.name}: {diffs.label(before)} and {diffs.label(after)}"
        return self._drawn(request, document, "diff", {"title": title} | compared)

    def roll_back_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Publish an earlier version again (POST)."""
        document = self._document(request, document_id, _PUBLISH)
        number = request.POST.get("version", "")
        if request.method != "POST" or not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise Http404
        try:
            version = service.roll_back(document, int(number), actor_of(request))
            messages.success(request, f"Version {int(number)} is published again, as version {version.number}.")
        except PortalRefusal as refused:
            messages.error(request, refused.words)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        return HttpResponseRedirect(reverse("admin:voice_texmldocument_versions", args=[document.pk]))

    def copy_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Make a copy under another name."""
        document = self._document(request, document_id, "voice.add_texmldocument")
        form = CopyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                made = service.copy(document, form.cleaned_data["name"], actor_of(request))
                return HttpResponseRedirect(_page(made))
            except ValidationError as error:
                form.add_error("name", error.messages)
        return self._drawn(request, document, "copy", {"title": f"Copy {document.name}", "form": form})

    def _document(self, request: HttpRequest, document_id: Any, permission: str) -> TexmlDocument:
        if not (request.user.has_perm(permission) and self.has_view_permission(request)):
            raise PermissionDenied
        document = self.get_object(request, str(document_id))
        if document is None:
            raise Http404
        assert isinstance(document, TexmlDocument)
        return document

    def _compared(
        self, request: HttpRequest, document: TexmlDocument, before: str, after: str = diffs.DRAFT
    ) -> dict[str, Any]:
        """Return the lines of a diff without its heading, each with its sign, and both texts for who has scripts."""
        text = set_up_for(request.user, diffs.diff(document, before, after))
        sides = {diffs.label(name): diffs.text_of(document, name) for name in (before, after)}
        lines = [(line[:1], visible(line)) for line in text.splitlines()[2:]]
        return {"lines": lines, "sides": set_up_for(request.user, list(sides.items()))}

    def _drawn(
        self, request: HttpRequest, document: TexmlDocument, name: str, context: dict[str, Any]
    ) -> TemplateResponse:
        around = {**self.admin_site.each_context(request), "opts": self.opts, "document": document}
        return TemplateResponse(request, f"voice/documents/{name}.html", around | context)

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


@admin.register(TexmlFetch)
class TexmlFetchAdmin(PageAdmin):
    """Lists what was fetched; a page each with what was sent and what was answered."""

    when_empty = "A line appears each time that Telnyx fetches a published document."
    page_template = "voice/documents/fetch.html"
    list_display = ("at", "document", "version_shown", "verdict_shown", "proof", "milliseconds")
    list_filter = (("document", RelatedDropdownFilter), "verdict", "proof")
    search_fields = ("call_control_id__exact",)
    list_select_related = ("document",)

    def page(self, request: HttpRequest, row: TexmlFetch) -> dict[str, Any]:
        call = Call.objects.filter(account=row.document.account_id, call_control_id=row.call_control_id)
        return {
            "title": f"Fetch of {row}",
            "fetch": row,
            "call": call.first() if row.call_control_id and request.user.has_perm("voice.view_call") else None,
            "parameters": as_json(row.parameters),
            "body": visible(body_for(request.user, row)),
        }

    @display(description="Version")
    def version_shown(self, fetch: TexmlFetch) -> str:
        return f"v{fetch.version}"

    @display(description="Answer")
    def verdict_shown(self, fetch: TexmlFetch) -> str:
        return status_badge(fetch.verdict)


def _page(document: TexmlDocument) -> str:
    return reverse("admin:voice_texmldocument_change", args=[document.pk])
