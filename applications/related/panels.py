"""Shows on an application's page what belongs to it: its numbers, the choice of its profile, who changed it at Telnyx.

Each part is fetched by the page when it is drawn, so that the page itself never waits for Telnyx.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST

from applications.editing import profile_field
from applications.kinds import kind_of
from applications.mirror import change_authors
from applications.mirror.drift import drift_of
from applications.models import TelnyxApplication
from applications.pulls import number_counts
from applications.related import numbers, profiles
from applications.related.numbers import PERMISSION
from applications.wording import changes_for
from portal import sql
from portal.actors import actor_of
from portal.json_types import JsonObject
from portal.models import TelnyxAccount
from portal.telnyx.errors import TelnyxError
from portal.telnyx.schemas import InvalidParameters

Banner = tuple[str, str]  # tone and sentence


class Belongings:
    """Adds to the admin of a kind the addresses of the parts, and the note of what was changed at Telnyx."""

    def get_urls(self) -> list[URLPattern]:
        own: list[tuple[str, str, Callable[..., HttpResponse]]] = [
            ("profiles/", "profiles", require_GET(self.profiles_view)),
            ("<uuid:pk>/numbers/", "numbers", require_GET(self.numbers_view)),
            ("<uuid:pk>/numbers/<slug:number_id>/assign/", "assign", require_POST(self.assign_view)),
            ("<uuid:pk>/numbers/<slug:number_id>/unassign/", "unassign", require_POST(self.unassign_view)),
            ("<uuid:pk>/edits/", "edits", require_GET(self.edits_view)),
        ]
        site, opts = self.admin_site, self.opts  # type: ignore[attr-defined]
        urls = [
            path(at, site.admin_view(view), name=f"{opts.app_label}_{opts.model_name}_{name}") for at, name, view in own
        ]
        return [*urls, *super().get_urls()]  # type: ignore[misc]

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        drift = drift_of(obj) if obj else []
        context["drift"] = [(found, changes_for(request.user, found.fields)) for found in drift]
        return super().render_change_form(request, context, add, change, form_url, obj)  # type: ignore[misc]

    def numbers_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Show a page of its numbers; with ``of=account`` of all numbers of the account, to choose from."""
        return _drawn(request, self._application(request, pk))

    def assign_view(self, request: HttpRequest, pk: Any, number_id: str) -> HttpResponse:
        application = self._application(request, pk, PERMISSION)
        return _drawn(request, application, _carried_out(request, application, number_id, assign=True))

    def unassign_view(self, request: HttpRequest, pk: Any, number_id: str) -> HttpResponse:
        application = self._application(request, pk, PERMISSION)
        return _drawn(request, application, _carried_out(request, application, number_id, assign=False))

    def edits_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Show Telnyx's own log of this application."""
        application, context = self._application(request, pk), dict[str, Any]()
        try:
            edits, context["is_cut"] = change_authors.edits_of(application.account, application.telnyx_id)
            known = change_authors.names(application.account, {edit.user_id for edit in edits if edit.user_id})
            context["edits"] = [(edit, edit.by(known), changes_for(request.user, edit.fields)) for edit in edits]
        except TelnyxError as error:
            context["problem"] = str(error)
        return render(request, "applications/related/edits.html", context)

    def profiles_view(self, request: HttpRequest) -> HttpResponse:
        """Draw the field of the profile: a select, or the text it was when Telnyx cannot be asked."""
        if not (self.has_change_permission(request) or self.has_add_permission(request)):  # type: ignore[attr-defined]
            raise PermissionDenied
        account = _account(request.GET.get("account", ""))
        value = request.GET.get(profile_field.NAME, "")
        try:
            return HttpResponse(profile_field.select(profiles.choices(account, value), value))
        except TelnyxError as error:
            return HttpResponse(profile_field.text(value, str(error)))

    def _application(self, request: HttpRequest, pk: Any, permission: str | None = None) -> TelnyxApplication:
        row: TelnyxApplication | None = self.get_object(request, str(pk))  # type: ignore[attr-defined]
        if row is None:
            raise Http404
        allowed = self.has_view_permission(request, row)  # type: ignore[attr-defined]
        if not allowed or (permission and not request.user.has_perm(permission)):
            raise PermissionDenied
        return row


def panel(request: HttpRequest, application: TelnyxApplication) -> SafeString:
    """Draw the frame on an application's page that fetches its numbers, and on a click who changed it at Telnyx."""
    parts = {name: address(application, name) for name in ("numbers", "edits")}
    return render_to_string("applications/related/panel.html", {"application": application, **parts}, request)


def dependents(application: TelnyxApplication) -> list[str]:
    """Return what a deletion would leave behind. Asks Telnyx; when it cannot tell, that is said."""
    try:
        count = numbers.count_numbers(application)
    except TelnyxError as error:
        return [f"Telnyx could not be asked which phone numbers are assigned to it. {error}"]
    if not count:
        return []
    return [numbers.in_the_way(count)]


def address(application: TelnyxApplication, name: str, *more: str) -> str:
    """Return the address of a part of an application's page."""
    return reverse(_url_name(application, name), args=[application.pk, *more])


def _url_name(application: TelnyxApplication, name: str) -> str:
    return f"admin:applications_{kind_of(application).model._meta.model_name}_{name}"


def _drawn(request: HttpRequest, application: TelnyxApplication, banner: Banner | None = None) -> HttpResponse:
    asked = request.GET
    of_account, search = asked.get("of") == "account", asked.get("q", "")
    context: dict[str, Any] = {"application": application, "told": banner, "of_account": of_account, "search": search}
    context |= {"may_assign": request.user.has_perm(PERMISSION) and application.missing_since is None}
    context |= {"here": address(application, "numbers"), "query": request.META.get("QUERY_STRING", "")}
    context |= {f"opts_{verb}": _url_name(application, verb) for verb in ("assign", "unassign")}
    context["paging"] = "".join(f"{urlencode({name: asked[name]})}&" for name in ("of", "q") if asked.get(name))
    connection = None if of_account else application.telnyx_id
    asked_at = sql.clock()
    try:
        context["page"] = numbers.list_numbers(application.account, connection, search, _whole(asked.get("page", "1")))
        if connection and not search.strip() and (total := context["page"].total) is not None and total >= 0:
            number_counts.keep(application, total, asked_at)
    except (TelnyxError, InvalidParameters) as error:
        context["problem"] = _words(error)
    return render(request, "applications/related/numbers.html", context)


def _carried_out(request: HttpRequest, application: TelnyxApplication, number_id: str, *, assign: bool) -> Banner:
    """Return what Telnyx answered, in a sentence."""
    if application.missing_since:  # since the page was drawn, or it was never drawn
        return "bad", f"Telnyx does not know {application} any more. Nothing was sent."
    change: Callable[..., JsonObject] = numbers.unassign_number
    if assign:  # of what the page showed, and its person agreed to
        change = partial(numbers.assign_number, taken_from=request.POST.get("connection_id", ""))
    try:
        number = change(application, number_id, actor_of(request))
    except (TelnyxError, InvalidParameters) as error:
        return "bad", _words(error)
    name, there = number.get("phone_number") or number_id, number.get("connection_id")
    now = f"Telnyx answers: its connection is now {number.get('connection_name') or there or 'none'}."
    as_wished = numbers.is_assigned(number, application) == assign
    if not assign and not as_wished:
        return "bad", f"{name} was not taken away. {now}"
    return ("good" if as_wished else "bad"), f"{name}: {now}"


def _account(id: str) -> TelnyxAccount:
    try:
        return TelnyxAccount.objects.get(pk=id)
    except (TelnyxAccount.DoesNotExist, ValidationError):
        raise Http404 from None


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and int(text[:6]) > 0 and len(text) <= 6 else 1


def _words(error: Exception) -> str:
    if isinstance(error, InvalidParameters):
        return " ".join(message for messages in error.errors.values() for message in messages)
    return str(error)
