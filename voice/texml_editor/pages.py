"""Answers the editor: what is wrong with a text, what callers would get of it, how a call would go."""

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from portal import payloads
from portal.masking import set_up_for
from portal.texml.templates import TemplateError
from voice.texml_editor.draft import Draft, previews, talk, unread, values_of
from voice.texml_editor.forms import TexmlEditor

Read = Callable[[HttpRequest, uuid.UUID | None], Draft]


def urls(admin: Any, read: Read) -> list[URLPattern]:
    """List the addresses for an admin to add. ``read`` makes the draft of what was posted, of no row for a new one."""
    views = {"check": check, "conversation": conversation}
    return [
        path(f"{of}{name}/", _seen(admin, read, view), name=_name(admin, name))
        for name, view in views.items()
        for of in ("editor/", "editor/<uuid:pk>/")
    ]


def set_up(widget: TexmlEditor, admin: Any, pk: uuid.UUID | None, variables: str) -> None:
    """Tell the widget whom to ask, and which field declares variables."""
    of = [] if pk is None else [pk]
    widget.check, widget.conversation = (
        reverse(f"admin:{_name(admin, name)}", args=of) for name in ("check", "conversation")
    )
    widget.variables = variables


def posted(request: HttpRequest, text: str, variables: str) -> tuple[str, dict[str, str]]:
    """Read a draft and what it declares from the form as it stands: what is no JSON declares nothing."""
    source = request.POST.get("source", request.POST.get(text, ""))
    try:
        given = payloads.loads((request.POST.get(variables) or "{}").encode("utf-8", "surrogatepass"))
    except payloads.Unreadable:
        given = {}
    declared = given.items() if isinstance(given, dict) else ()
    return source, {name: value for name, value in declared if isinstance(value, str)}


def posted_steps(request: HttpRequest) -> list[str] | None:
    """Read what was done in a try; None when that is no list of texts."""
    try:
        steps = payloads.loads(request.POST.get("steps", "[]").encode("utf-8", "surrogatepass"))
    except payloads.Unreadable:
        return None
    return steps if isinstance(steps, list) and all(isinstance(step, str) for step in steps) else None


def posted_caller(request: HttpRequest) -> dict[str, str]:
    """Read the values of the person's own caller."""
    return values_of(request.POST.get("caller", ""))


def unread_of_caller(request: HttpRequest) -> str:
    """Say what of the person's own caller is no value; empty when all is."""
    return unread(request.POST.get("caller", ""))


def heard_of(request: HttpRequest, steps: Any) -> str:
    """Return what tells a try, as its person is shown it, from one in which something else is said."""
    return hashlib.sha256(json.dumps(set_up_for(request.user, steps)).encode()).hexdigest()


def check(request: HttpRequest, draft: Draft, context: dict[str, Any]) -> HttpResponse:
    """Answer the editor with JSON; a form that was posted without scripts with a page, drawn in ``context``."""
    shown: dict[str, Any] = {"unread": unread_of_caller(request)}
    try:
        shown["previews"] = previews(draft, request.POST.get("caller", ""))
    except TemplateError as error:
        shown["error"] = error
    found = set_up_for(request.user, [finding.as_json() for finding in draft.judge()])
    if "source" in request.POST:
        preview = render_to_string("voice/texml_editor/preview.html", shown)
        return JsonResponse({"findings": found, "preview": preview})
    page = {**context, **shown, "title": "What callers would get", "findings": found}
    return TemplateResponse(request, "voice/texml_editor/check.html", page)


def conversation(request: HttpRequest, draft: Draft, context: dict[str, Any]) -> HttpResponse:
    """Answer the panel *Try it*, which posts all its ``steps`` each time: no call is kept here.

    ``heard`` names what was said; the panel sends it along when the try is kept.
    """
    steps = posted_steps(request)
    if steps is None:
        return JsonResponse({"problem": "steps must be a list of texts."}, status=400)
    told = talk(draft, steps, posted_caller(request))
    told["problem"] = f"{unread_of_caller(request)} {told['problem']}".strip()
    return JsonResponse(set_up_for(request.user, told) | {"heard": heard_of(request, told["steps"])})


def _seen(admin: Any, read: Read, view: Callable[..., HttpResponse]) -> Any:
    def asked(request: HttpRequest, pk: uuid.UUID | None = None) -> HttpResponse:
        is_new = pk is None and admin.has_add_permission(request)  # its writer may be somebody who sees no other
        if not (is_new or admin.has_view_permission(request)):
            raise PermissionDenied
        return view(request, read(request, pk), {**admin.admin_site.each_context(request), "opts": admin.opts})

    return admin.admin_site.admin_view(require_POST(asked))


def _name(admin: Any, name: str) -> str:
    return f"{admin.opts.app_label}_{admin.opts.model_name}_{name}"
