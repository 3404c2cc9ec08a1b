"""Answers the editor: what is wrong with a text, and what callers would get of it. Nothing of it is stored."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from portal.texml.linter import lint
from portal.texml.rules.context import Surroundings
from portal.texml.templates import TemplateError
from voice.texml_editor.preview import previews


def check(request: HttpRequest, source: str, declared: Mapping[str, str], context: dict[str, Any]) -> HttpResponse:
    """Answer the editor with JSON; a form that was posted without scripts with a page, drawn in ``context``.

    The caller has checked who asks. ``declared`` are the draft's own variables with their defaults.
    """
    findings = lint(source, Surroundings(variables=frozenset(declared)))
    shown: dict[str, Any] = {}
    try:
        shown["previews"] = previews(source, declared, request.POST.get("caller", ""))
    except TemplateError as error:
        shown["error"] = error
    if "source" in request.POST:
        preview = render_to_string("voice/texml_editor/preview.html", shown)
        return JsonResponse({"findings": [finding.as_json() for finding in findings], "preview": preview})
    page = {**context, **shown, "title": "What callers would get", "findings": findings}
    return TemplateResponse(request, "voice/texml_editor/check.html", page)
