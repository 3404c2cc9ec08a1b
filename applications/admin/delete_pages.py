"""Guards the admin: a deletion that tells what it leaves behind, and "Webhook reachable?"."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from applications import probe
from applications.dependents import dependents
from applications.editing.service import delete_application
from applications.models import TelnyxApplication
from portal.actors import actor_of
from portal.telnyx.errors import TelnyxError

NAME = "confirmed_name"


class GuardPages:
    """Adds the pages to a ModelAdmin of applications. Nothing here opens a transaction."""

    opts: Any
    admin_site: Any
    media: Any
    get_object: Any
    has_change_permission: Any
    has_delete_permission: Any
    log_deletions: Any
    response_delete: Any
    _get_obj_does_not_exist_redirect: Any

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_probe"
        own = [path("<path:object_id>/probe/", self.admin_site.admin_view(self.probe_view), name=name)]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask for the name, then delete at Telnyx. Django's own view would do so inside a transaction."""
        application = self.get_object(request, unquote(object_id))
        if application is None:
            gone: HttpResponse = self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            return gone
        if not self.has_delete_permission(request):
            raise PermissionDenied
        if application.missing_since:
            messages.error(request, f"Telnyx does not know {application} any more: there is nothing to delete.")
            return HttpResponseRedirect(reverse(self._guard_url("change"), args=[application.pk]))
        if request.method != "POST":
            return self._confirmation(request, application)
        typed = request.POST.get(NAME, "").strip()
        if typed != str(application).strip():
            return self._confirmation(request, application, "This is not its name. Nothing was deleted.", typed)
        return self._deleted(request, application)

    def probe_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer the button "Webhook reachable?": our own public address is asked, and nothing else."""
        application = self.get_object(request, unquote(object_id))
        if request.method != "POST" or application is None:
            raise PermissionDenied
        if not self.has_change_permission(request, application):
            raise PermissionDenied
        finding = probe.reachable(application.account)
        if request.headers.get("HX-Request"):
            context = {"finding": finding, "limit": probe.LIMIT}
            return TemplateResponse(request, "applications/admin/probe.html", context)
        (messages.success if finding.ok else messages.error)(request, f"{finding.words} {probe.LIMIT}")
        return HttpResponseRedirect(reverse(self._guard_url("change"), args=[application.pk]))

    def _deleted(self, request: HttpRequest, application: TelnyxApplication) -> HttpResponse:
        try:
            delete_application(application, actor_of(request))
        except TelnyxError as error:
            return self._confirmation(request, application, f"{application} was not deleted. {error}", str(application))
        self.log_deletions(request, type(application)._default_manager.filter(pk=application.pk))
        answer: HttpResponse = self.response_delete(request, str(application), application.pk)
        return answer

    def _confirmation(
        self, request: HttpRequest, application: TelnyxApplication, error: str = "", typed: str = ""
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"opts": self.opts, "object": application}
        context |= {"title": "Delete at Telnyx", "dependents": dependents(application)}
        context |= {"field": NAME, "error": error, "typed": typed, "media": self.media}
        context["back"] = reverse(self._guard_url("change"), args=[application.pk])
        return TemplateResponse(request, "applications/admin/delete_confirmation.html", context)

    def _guard_url(self, name: str) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}"
