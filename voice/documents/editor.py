"""Answers the editor on a document's page: findings and previews of what stands there, and a call of it in words."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from portal.models import TelnyxAccount
from portal.texml.linter import lint
from portal.texml.rules.context import Surroundings
from voice.documents import service, serving
from voice.models import TexmlDocument
from voice.texml_editor import forms, pages
from voice.texml_editor.draft import Draft

_HOSTED = re.compile(r"/texml/(?P<token>[^/]+)/(?P<fallback>fallback/)?")


def urls(admin: Any) -> list[URLPattern]:
    """List the addresses, for the admin of documents to add. What is not saved yet is judged as well."""

    def seen(view: Callable[..., HttpResponse]) -> Any:
        def asked(request: HttpRequest, document_id: uuid.UUID | None = None) -> HttpResponse:
            if not admin.has_view_permission(request):
                raise PermissionDenied
            return view(admin, request, _posted(request, document_id))

        return admin.admin_site.admin_view(require_POST(asked))

    return [
        path("editor/check/", seen(_check), name="voice_texmldocument_check"),
        path("editor/<uuid:document_id>/check/", seen(_check), name="voice_texmldocument_check"),
        path("editor/conversation/", seen(_conversation), name="voice_texmldocument_conversation"),
        path("editor/<uuid:document_id>/conversation/", seen(_conversation), name="voice_texmldocument_conversation"),
    ]


def set_up(widget: forms.TexmlEditor, document: TexmlDocument) -> None:
    """Tell the widget of a draft whom to ask."""
    of = [] if document._state.adding else [document.pk]
    widget.check = reverse("admin:voice_texmldocument_check", args=of)
    widget.conversation = reverse("admin:voice_texmldocument_conversation", args=of)
    widget.variables = "variables"


def _check(admin: Any, request: HttpRequest, document: TexmlDocument) -> HttpResponse:
    context = {**admin.admin_site.each_context(request), "opts": admin.opts}
    known = Surroundings(variables=frozenset(document.variables))
    found = service.findings(document) if document.account_id else lint(document.draft, known)
    return pages.check(request, _draft(document), found, context)


def _conversation(admin: Any, request: HttpRequest, document: TexmlDocument) -> HttpResponse:
    return pages.conversation(request, _draft(document))


def _posted(request: HttpRequest, document_id: uuid.UUID | None) -> TexmlDocument:
    """Read the form as it stands, right or wrong: what cannot be read of it is as if it were empty."""
    given = request.POST
    document = get_object_or_404(TexmlDocument, pk=document_id) if document_id else TexmlDocument()
    if document_id is None and (account := _account(given.get("account", ""))):
        document.account = account
    document.draft = given.get("source", given.get("draft", ""))
    document.apology = given.get("apology", "")
    document.variables = _declared(given.get("variables", ""))
    return document


def _account(text: str) -> TelnyxAccount | None:
    """Return the account that is chosen for a new document; None while none is."""
    try:
        return TelnyxAccount.objects.filter(pk=text).first()
    except ValidationError:
        return None


def _declared(text: str) -> dict[str, str]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}


def _draft(document: TexmlDocument) -> Draft:
    apology = serving.apologise(document.apology)
    return Draft(document.draft, document.variables, apology, document.url, _published)


def _published(url: str, values: Mapping[str, str]) -> str | None:
    """Return another hosted document, filled; None for what lies elsewhere: a try asks nobody else."""
    found = _HOSTED.fullmatch(url.partition("?")[0].removeprefix(settings.PORTAL_PUBLIC_URL))
    served = serving.find(found["token"]) if found else None
    if found is None or served is None:
        return None
    if found["fallback"]:
        return serving.apologise(served.published.apology)
    return serving.fill(served.published, values).body
