"""Takes what people add to a call from its page, and lists follow-ups."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.decorators import display

from portal import keyset
from portal.actors import actor_of
from portal.admin.filters import MomentRangeFilter
from portal.admin.pages import PageAdmin
from portal.admin.site import seen, viewer
from portal.templatetags.portal import moment, phone
from voice.calls import search
from voice.measurements import wording
from voice.models import Call, CallNote, FollowUp
from voice.notes import contacts, filters, history, notes, tags
from voice.notes.panel import REFUSED, REFUSED_NAME

_PER_PAGE, _LONGEST_NUMBER = 50, 19


@admin.register(FollowUp)
class FollowUpAdmin(PageAdmin):
    """Lists the calls that somebody is to look at again; each leads to its call."""

    when_empty = "“Follow up” on a call's page puts it here, for one person or for whoever comes first."
    list_display = ("asked", "call_shown", "asked_by_shown", "assignee_shown", "state")
    list_display_links = ("call_shown",)
    list_filter = (filters.OpenFilter, filters.MineFilter, ("at", MomentRangeFilter))
    list_filter_submit = True
    list_filter_sheet = True
    sortable_by = ("asked",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FollowUp]:
        rows: QuerySet[FollowUp] = super().get_queryset(request).select_related("call", "assignee")
        return rows.defer("call__facts")

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> Any:
        """Lead to the calls those alone who may see them."""
        return self.list_display_links if request.user.has_perm("voice.view_call") else None

    @display(description="Asked", ordering="at")
    def asked(self, row: FollowUp) -> str:
        return moment(row.at, "minute")

    @display(description="Call")
    def call_shown(self, row: FollowUp) -> str:
        if not viewer().has_perm("voice.view_call"):
            return "a call"
        return " → ".join(phone(one, viewer()) or "?" for one in (row.call.from_number, row.call.to_number))

    @display(description="Asked by")
    def asked_by_shown(self, row: FollowUp) -> str:
        return seen(row.asked_by)

    @display(description="Assignee")
    def assignee_shown(self, row: FollowUp) -> str:
        return seen(row.assignee.get_username()) if row.assignee else "—"

    @display(description="State")
    def state(self, row: FollowUp) -> str:
        return seen(f"done by {row.done_by}") if row.done_at else "open"

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        return HttpResponseRedirect(_page(self.row(request, object_id).call))


# --- From a call's page -----------------------------------------------------------------------------------------------


def _changing(*permissions: str) -> Callable[[Callable[[HttpRequest, Call], None]], Callable[..., HttpResponse]]:
    """Make a view of what changes a call's notes: POST, a person with these permissions, and back to the call."""

    def wrap(change: Callable[[HttpRequest, Call], None]) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, call_id: uuid.UUID) -> HttpResponse:
            if not request.user.has_perms(["voice.view_call", *permissions]):
                raise PermissionDenied
            if request.method != "POST":
                return HttpResponseNotAllowed(["POST"])
            call = get_object_or_404(Call.objects.defer("facts"), pk=call_id)
            try:
                change(request, call)
            except ValidationError as error:
                messages.error(request, contacts.in_words(error))
            return HttpResponseRedirect(f"{_page(call)}#notes")

        return view

    return wrap


@_changing("voice.add_callnote")
def _note(request: HttpRequest, call: Call) -> None:
    text = request.POST.get("text", "")
    try:
        notes.write(call, text, actor_of(request))
    except ValidationError:
        request.session[REFUSED] = [str(call.pk), text]
        raise


@_changing("voice.delete_callnote")
def _remove_note(request: HttpRequest, call: Call) -> None:
    identifier = request.POST.get("note", "")
    try:
        note = CallNote.objects.select_related("call").get(pk=identifier, call__account=call.account_id)
    except (CallNote.DoesNotExist, ValidationError, ValueError):
        raise Http404 from None
    notes.remove(note, actor_of(request))


@_changing("voice.add_calltag")
def _tag(request: HttpRequest, call: Call) -> None:
    tags.tag(call, request.POST.get("name", "").replace("\0", ""), actor_of(request))


@_changing("voice.delete_calltag")
def _untag(request: HttpRequest, call: Call) -> None:
    number = request.POST.get("tag", "")
    if number.isascii() and number.isdecimal() and len(number) < _LONGEST_NUMBER:
        tags.untag(call, int(number), actor_of(request))


@_changing("voice.add_followup")
def _follow_up(request: HttpRequest, call: Call) -> None:
    assignee = notes.person(request.POST.get("assignee", "").replace("\0", ""))
    notes.ask_for_follow_up(call, assignee, actor_of(request))


@_changing("voice.change_followup")
def _followed_up(request: HttpRequest, call: Call) -> None:
    notes.finish_follow_up(call, actor_of(request))


@_changing(*contacts.TO_NAME)
def _name(request: HttpRequest, call: Call) -> None:
    typed = {field: request.POST.get(field, "").replace("\0", "") for field in ("name", "company")}
    drawn = {field: request.POST[f"initial-{field}"] for field in typed if f"initial-{field}" in request.POST}
    told = dict[str, str]()
    try:
        with transaction.atomic():
            sees = request.user.has_perm("voice.view_contact")
            known = contacts.locked(history.other_party(call)) if sees else None
            told = contacts.typed_anew(contacts.begun_with(known, request.user), typed, drawn)
            contacts.refuse_changed_by_another(known, request.user, told, drawn)
            history.name_other_party(call, told.get("name"), told.get("company"), actor_of(request))
    except ValidationError:
        request.session[REFUSED_NAME] = [str(call.pk), told]
        raise


def _others(request: HttpRequest, call_id: uuid.UUID) -> HttpResponse:
    """List all calls of the call's number, which itself stands in no address."""
    if not request.user.has_perm("voice.view_call"):
        raise PermissionDenied
    call = get_object_or_404(Call.objects.select_related("account").defer("facts"), pk=call_id)
    number = history.other_party(call)
    if not number:
        raise Http404
    text = request.GET.get("p", "")
    try:
        page = history.page_of_number(number, keyset.read(text) if text else keyset.Place(), _PER_PAGE)
    except keyset.NoPlace:
        messages.error(request, "The page that you asked for is none of this list. It is shown from its beginning.")
        page = history.page_of_number(number, keyset.Place(), _PER_PAGE)
    names = search.application_names({(one.account_id, one.connection_id) for one in page.rows})
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Calls of this number",
        "opts": Call._meta,
        "call": call,
        "number": number,
        "contact": contacts.names([number]).get(number) if request.user.has_perm("voice.view_contact") else None,
        "trust": history.trust_in(number),
        "rows": [
            (one, names.get((one.account_id, one.connection_id), one.connection_id), wording.trust(one))
            for one in page.rows
        ],
        "next": page.next.text if page.next else "",
        "previous": page.previous.text if page.previous else "",
    }
    return TemplateResponse(request, "voice/notes/calls.html", context)


def _page(call: Call) -> str:
    return reverse("admin:voice_call_change", args=[call.pk])


def _add(site: Any) -> None:
    wrap = site.admin_view
    changes: dict[str, Callable[..., HttpResponse]] = {
        "note": _note,
        "remove-note": _remove_note,
        "tag": _tag,
        "untag": _untag,
        "follow-up": _follow_up,
        "followed-up": _followed_up,
        "name": _name,
    }
    here = "voice/call/<uuid:call_id>"
    made = [
        path(f"{here}/{at}/", wrap(view), name=f"voice_call_{at.replace('-', '_')}") for at, view in changes.items()
    ]
    site.add_pages([*made, path(f"{here}/number/", wrap(_others), name="voice_call_number")])


_add(admin.site)
