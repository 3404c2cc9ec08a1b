"""Publishes documents in the browser: with confirmation, again, beside what was served before; and copies them."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from portal.actors import actor_of
from portal.admin.site import seen
from portal.masking import may_see_whole, set_up_for
from portal.refusals import PortalRefusal
from portal.texts import visible
from voice.documents import cases, diffs, service
from voice.documents.admin.pages import DocumentPages, page_of
from voice.models import TexmlDocument

MOST_VERSIONS = 500  # listed
PUBLISH = "voice.publish_texmldocument"


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


class PublishingPages(DocumentPages):
    """Adds the pages to the ModelAdmin of documents."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        ours = [
            path("<uuid:document_id>/publish/", wrap(self.publish_view), name="voice_texmldocument_publish"),
            path("<uuid:document_id>/versions/", wrap(self.versions_view), name="voice_texmldocument_versions"),
            path("<uuid:document_id>/diff/", wrap(self.diff_view), name="voice_texmldocument_diff"),
            path("<uuid:document_id>/roll-back/", wrap(self.roll_back_view), name="voice_texmldocument_roll_back"),
            path("<uuid:document_id>/copy/", wrap(self.copy_view), name="voice_texmldocument_copy"),
        ]
        return [*ours, *super().get_urls()]

    def publish_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Show what would be published and what the linter says; publish it (POST)."""
        document = self.document_of(request, document_id, PUBLISH)
        form = PublishForm(request.POST or None, initial={"digest": document.digest})
        runs: Sequence[cases.Run] | None = None
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
                return HttpResponseRedirect(page_of(document))
            except service.Unfit as unfit:
                form.add_error(None, unfit.message_dict["draft"][0])
            except PortalRefusal as refused:
                form.add_error(None, seen(refused.words))
            except ValidationError as error:
                # gone through already: a request has time for that once
                runs = error.runs if isinstance(error, cases.CasesFail) else None
                form.add_error(None, [seen(str(words)) for words in error.messages])
        if runs is None:
            runs = cases.run(document, by_name=may_see_whole(request.user))
        found = service.findings(document)
        context = {
            "title": f"Publish {document.name}",
            "form": form,
            "findings": set_up_for(request.user, [one.as_json() for one in found]),
            "warns": any(one.level == "warning" for one in found),
            "failing": [set_up_for(request.user, str(one.case)) for one in runs if one.is_failing],
            "late": [set_up_for(request.user, str(one.case)) for one in runs if one.not_run],
            "is_wrong": any(one.level in {"fatal", "error"} for one in found),
        }
        context |= self._compared(request, document, str(document.published)) if document.published else {}
        return self.drawn(request, document, "publish", context)

    def versions_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """List the versions."""
        document = self.document_of(request, document_id, "voice.view_texmldocument")
        versions = list(document.versions.defer("source", "variables", "apology")[: MOST_VERSIONS + 1])
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
            for one, previous in zip(versions[:MOST_VERSIONS], before, strict=False)
        ]
        context = {"title": f"Versions of {document.name}", "rows": rows, "more": len(versions) > MOST_VERSIONS}
        return self.drawn(request, document, "versions", context | {"may_publish": request.user.has_perm(PUBLISH)})

    def diff_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Compare two states: ``?from=1&to=draft``."""
        document = self.document_of(request, document_id, "voice.view_texmldocument")
        before, after = request.GET.get("from", ""), request.GET.get("to", diffs.DRAFT)
        try:
            compared = self._compared(request, document, before, after)
        except LookupError:
            raise Http404 from None
        title = f"{document.name}: {diffs.label(before)} and {diffs.label(after)}"
        return self.drawn(request, document, "diff", {"title": title} | compared)

    def roll_back_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Publish an earlier version again (POST)."""
        document = self.document_of(request, document_id, PUBLISH)
        number = request.POST.get("version", "")
        if request.method != "POST" or not (number.isascii() and number.isdecimal() and len(number) < 10):
            raise Http404
        try:
            version = service.roll_back(document, int(number), actor_of(request), expected=request.POST.get("digest"))
            messages.success(request, f"Version {int(number)} is published again, as version {version.number}.")
        except PortalRefusal as refused:
            messages.error(request, seen(refused.words))
        except ValidationError as error:
            messages.error(request, seen(" ".join(error.messages)))
        return HttpResponseRedirect(reverse("admin:voice_texmldocument_versions", args=[document.pk]))

    def copy_view(self, request: HttpRequest, document_id: Any) -> HttpResponse:
        """Make a copy under another name."""
        document = self.document_of(request, document_id, "voice.add_texmldocument")
        form = CopyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                made = service.copy(document, form.cleaned_data["name"], actor_of(request))
                return HttpResponseRedirect(page_of(made))
            except ValidationError as error:
                for field, words in error.message_dict.items():
                    if field in {"name", NON_FIELD_ERRORS}:  # the latter: another document has it
                        form.add_error("name", words)
                    else:
                        form.add_error(None, f"{field}: {' '.join(words)}")
        return self.drawn(request, document, "copy", {"title": f"Copy {document.name}", "form": form})

    def _compared(
        self, request: HttpRequest, document: TexmlDocument, before: str, after: str = diffs.DRAFT
    ) -> dict[str, Any]:
        """Return the lines of a diff without its heading, each with its sign, and both texts for who has scripts."""
        text = set_up_for(request.user, diffs.diff(document, before, after))
        sides = {diffs.label(name): diffs.text_of(document, name) for name in (before, after)}
        lines = [(line[:1], visible(line)) for line in text.splitlines()[2:]]
        return {"lines": lines, "sides": set_up_for(request.user, list(sides.items()))}
