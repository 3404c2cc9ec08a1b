"""Finds the document of a page below it, and draws the page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from portal.admin.site import PortalAdmin
from voice.models import TexmlDocument
from voice.texml_editor import pages


class DocumentPages(PortalAdmin):
    """Is what the pages below a document share."""

    def document_of(self, request: HttpRequest, document_id: Any, permission: str) -> TexmlDocument:
        """Return the document; refuse who lacks the permission."""
        if not (request.user.has_perm(permission) and self.has_view_permission(request)):
            raise PermissionDenied
        document = self.get_object(request, str(document_id))
        if document is None:
            raise Http404
        assert isinstance(document, TexmlDocument)
        return document

    def as_posted(self, request: HttpRequest, document_id: Any, permission: str) -> TexmlDocument:
        """Return the document with the draft as it stands in the form, saved or not."""
        document = self.document_of(request, document_id, permission)
        document.draft, document.variables = pages.posted(request, "draft", "variables")
        document.apology = request.POST.get("apology", "")
        return document

    def drawn(
        self, request: HttpRequest, document: TexmlDocument, name: str, context: dict[str, Any]
    ) -> TemplateResponse:
        """Draw the page of that name."""
        around = {**self.admin_site.each_context(request), "opts": self.opts, "document": document}
        return TemplateResponse(request, f"voice/documents/{name}.html", around | context)


def page_of(document: TexmlDocument) -> str:
    """Return the address of the document's page."""
    return reverse("admin:voice_texmldocument_change", args=[document.pk])
