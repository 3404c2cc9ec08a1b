"""Answers the search box that stands above every page: as a page, and as the part of it that appears while typing."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_safe

from portal.actors import actor_of
from portal.admin import navigation
from portal.finder import findings


@require_safe
def _search(request: HttpRequest) -> HttpResponse:
    """Show what was found; where the very id of one thing was given, lead there."""
    text, is_typed = request.GET.get("q", "").strip(), "part" in request.GET
    context: dict[str, object] = {"text": text, "actions": navigation.actions(request.user)}
    if len(text) > findings.LONGEST:
        context["refused"] = f"Search for at most {findings.LONGEST} characters. Nothing was searched."
    elif text:
        query = findings.Query(text, request.user, actor_of(request), request.path, is_typed)
        context["groups"] = groups = findings.find(query)
        if not is_typed and (one := findings.the_one(groups)):
            return HttpResponseRedirect(one.url)
    if is_typed:
        return render(request, "portal/finder/found.html", context)
    page = admin.site.each_context(request) | {"title": "Search"} | context
    return TemplateResponse(request, "portal/finder/page.html", page)


def register() -> None:
    """Put the search into the site."""
    site = admin.site
    site.add_pages([path("search/", site.admin_view(_search), name="portal_search")])  # type: ignore[attr-defined]


register()
