"""Pulls from the admin: the button "Pull now" and the line above the list that counts while a pull runs."""

import time
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse

from applications.editing.outcomes import pull_message
from applications.kinds import Kind
from applications.models import Pull
from applications.pulls.pulls import pull_within
from portal.actors import actor_of
from portal.models import TelnyxAccount

PULL_SECONDS = 2.0  # then the line above the list counts


class PullPages:
    """Adds the button and the line to the admin of a kind; stands before ``ModelAdmin``."""

    kind: Kind
    opts: Any
    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path("pull/", self.admin_site.admin_view(self.pull_view), name=f"{name}_pull"),
            path("pulls/", self.admin_site.admin_view(self.pulls_view), name=f"{name}_pulls"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        bar = {**(extra_context or {}), **self._bar(request)}
        return super().changelist_view(request, bar)  # type: ignore[misc]

    def pull_view(self, request: HttpRequest) -> HttpResponse:
        """Pull every account, or the one whose missing ones are accepted: the button.

        That they are gone says nothing of whose key it is: that is asked apart. What takes long goes on by itself.
        """
        if request.method != "POST" or not self._may_pull(request):
            raise PermissionDenied
        accepted, until = request.POST.get("accept_missing"), time.monotonic() + PULL_SECONDS
        # compared here: PostgreSQL fails on a NUL
        for account in [one for one in TelnyxAccount.objects.all() if not accepted or one.name == accepted]:
            seconds = max(0.0, until - time.monotonic())
            record = pull_within(
                seconds,
                self.kind,
                account,
                actor_of(request),
                accept_missing=bool(accepted),
                accept_owner="accept_owner" in request.POST,
            )
            if record.state != Pull.State.RUNNING:
                # one that runs is told above the list, while it counts
                messages.add_message(request, *pull_message(record))
        return HttpResponseRedirect(self._address("changelist"))

    def pulls_view(self, request: HttpRequest) -> HttpResponse:
        """Answer what the page asks for every two seconds while a pull runs."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        return render(request, "applications/admin/pull_lines.html", {**self._bar(request), "polled": True})

    def _bar(self, request: HttpRequest) -> dict[str, Any]:
        of_each = Pull.objects.filter(kind=self.kind.slug, account=OuterRef("pk"))
        newest = TelnyxAccount.objects.order_by().values_list(Subquery(of_each.values("pk")[:1]), flat=True)
        found = Pull.objects.filter(pk__in=[pk for pk in newest if pk]).select_related("account")
        records = list(found.order_by("account__name"))
        return {
            "last_pulls": records,
            "pulling": any(record.state == Pull.State.RUNNING and not record.is_silent for record in records),
            "may_pull": self._may_pull(request),
            "pull_url": self._address("pull"),
            "pulls_url": self._address("pulls"),
        }

    def _may_pull(self, request: HttpRequest) -> bool:
        return bool(self.has_change_permission(request))  # type: ignore[attr-defined]

    def _address(self, name: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}")
