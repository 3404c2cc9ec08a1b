"""Answers the editor: what is wrong with a text, what callers would get of it, how a call would go. It stores nothing.

Whoever calls these has checked who asks.
"""

import json
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse

from portal.masking import set_up_for
from portal.texml.findings import Finding
from portal.texml.templates import TemplateError
from voice.texml_editor.draft import Draft, previews, talk


def check(request: HttpRequest, draft: Draft, findings: Sequence[Finding], context: dict[str, Any]) -> HttpResponse:
    """Answer the editor with JSON; a form that was posted without scripts with a page, drawn in ``context``."""
    shown: dict[str, Any] = {}
    try:
        shown["previews"] = previews(draft, request.POST.get("caller", ""))
    except TemplateError as error:
        shown["error"] = error
    found = set_up_for(request.user, [finding.as_json() for finding in findings])
    if "source" in request.POST:
        preview = render_to_string("voice/texml_editor/preview.html", shown)
        return JsonResponse({"findings": found, "preview": preview})
    page = {**context, **shown, "title": "What callers would get", "findings": found}
    return TemplateResponse(request, "voice/texml_editor/check.html", page)


def conversation(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Answer the panel *Try it*, which posts all its ``steps`` each time: no call is kept here."""
    try:
        steps = json.loads(request.POST.get("steps", "[]"))
    except ValueError:
        steps = None
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        return JsonResponse({"problem": "steps must be a list of texts."}, status=400)
    return JsonResponse(set_up_for(request.user, talk(draft, steps, request.POST.get("caller", ""))))
