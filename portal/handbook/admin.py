"""Shows the handbook's chapters to whoever is signed in."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from portal.handbook import book


@require_safe
def _first(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:portal_handbook", args=[book.FIRST]))


@require_safe
def _chapter(request: HttpRequest, name: str) -> HttpResponse:
    try:
        chapter = book.chapter(name)
    except KeyError:
        raise Http404 from None
    context = {"title": chapter.title, "chapter": chapter, "chapters": [book.chapter(one) for one in book.names()]}
    return TemplateResponse(request, "portal/handbook/chapter.html", admin.site.each_context(request) | context)


@require_safe
def _picture(request: HttpRequest, name: str) -> HttpResponse:
    try:
        path = book.picture(name)
    except KeyError:
        raise Http404 from None
    return HttpResponse(path.read_bytes(), content_type=book.PICTURES[path.suffix])


def register() -> None:
    """Put the handbook into the site."""
    site = admin.site
    site.add_pages(  # type: ignore[attr-defined]  # the portal's own site
        [
            path("help/", site.admin_view(_first), name="portal_handbook_first"),
            path("help/images/<str:name>", site.admin_view(_picture), name="portal_handbook_picture"),
            path("help/<slug:name>/", site.admin_view(_chapter), name="portal_handbook"),
        ]
    )


register()
