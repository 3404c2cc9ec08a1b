"""Shows the fetches of documents: what Telnyx sent, and what it was answered."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display

from portal.admin.pages import PageAdmin
from portal.admin.site import as_json
from portal.templatetags.portal import status_badge
from portal.texts import visible
from voice.documents.serializers import body_for
from voice.models import Call, TexmlFetch


@admin.register(TexmlFetch)
class TexmlFetchAdmin(PageAdmin):
    """Lists what was fetched; a page each with what was sent and what was answered."""

    when_empty = "A line appears each time that Telnyx fetches a published document."
    page_template = "voice/documents/fetch.html"
    list_display = ("at", "document", "version_shown", "verdict_shown", "proof", "milliseconds")
    list_filter = (("document", RelatedDropdownFilter), "verdict", "proof")
    search_fields = ("call_control_id__exact",)
    list_select_related = ("document",)
    sortable_by = ("at",)

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
