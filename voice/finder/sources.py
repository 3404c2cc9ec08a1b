"""Finds calls, events, commands, conferences by id or number; flows, documents, batches by name."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

from django.db.models import Model, Q
from django.urls import reverse

from portal.finder.findings import Finding, Group, Query, first
from portal.masking import masked_for, may_see_whole
from portal.templatetags.portal import phone
from portal.texts import visible
from portal.view_times import moment_text
from voice.call_log.language import conditions
from voice.calls import search
from voice.models import Call, CallCommand, CallEvent, Conference, DialBatch, Flow, TexmlDocument

_FEWEST_DIGITS = 4


def find(query: Query) -> Iterator[Group]:
    """Find by id what Telnyx or the portal gave one, calls by number too, and by name what people named."""
    may = query.user.has_perm
    if may("voice.view_call"):
        yield _calls(query)
    if may("voice.view_callevent"):
        yield _events(query)
    if may("voice.view_callcommand"):
        yield _commands(query)
    if may("voice.view_conference"):
        yield _conferences(query)
    if may("voice.view_flow"):
        yield _named(query, Flow, "Flows", "account_tree")
    if may("voice.view_texmldocument"):
        yield _named(query, TexmlDocument, "TeXML documents", "description")
    if may("voice.view_dialbatch"):
        # a number in a name would be read piece by piece by who may not see it
        look = "startswith" if may_see_whole(query.user) else "exact"
        yield _named(query, DialBatch, "Dial batches", "playlist_play", look)


def _calls(query: Query) -> Group:
    title, icon = "Calls", "call_log"
    everything = f"{reverse('admin:voice_call_changelist')}?{urlencode({'q': query.text})}"
    is_number = conditions.is_number(query.text)
    digits = sum(one.isdecimal() for one in query.text)
    if conditions.is_digits(query.text) and digits < _FEWEST_DIGITS:
        return Group(title, icon)
    if is_number and query.is_typed and not may_see_whole(query.user):
        # each look at a number is noted and counted: not one for every key that is pressed
        return Group(title, icon, [Finding("Look for calls with this number", _search_page(query))])
    asked = search.of_call(query.text)  # an event, a command is found for itself, not with its call
    if is_number and not query.uuid:
        try:
            asked = conditions.free_text(query.text, query.actor).asked
        except search.SearchRefused as refused:
            return Group(title, icon, said=refused.words)
        except conditions.Malformed:
            return Group(title, icon)
    calls = Call.objects.filter(asked)
    rows, more = first(calls.select_related("account").defer("facts").order_by("-started_at", "-id"))
    findings = [Finding(_parties(call, query), _address(call), _of_call(call), not is_number) for call in rows]
    return Group(title, icon, findings, everything if more else "")


def _parties(call: Call, query: Query) -> str:
    return f"{phone(call.from_number, query.user)} → {phone(call.to_number, query.user)}"


def _of_call(call: Call) -> str:
    return f"{moment_text(call.started_at)} · {call.direction or 'direction not known'} · {call.state}"


def _events(query: Query) -> Group:
    if not query.uuid:
        return Group("Events", "webhook")
    rows, more = first(CallEvent.objects.filter(search.of_event(query.text)).order_by("-received_at", "-id"))
    rows += [] if rows else list(CallEvent.objects.filter(pk=query.uuid))
    found = [Finding(row.event_type or "unreadable", _address(row), moment_text(row.received_at), True) for row in rows]
    return Group("Events", "webhook", found, _list(CallEvent, query) if more else "")


def _commands(query: Query) -> Group:
    rows = CallCommand.objects.filter(pk=query.uuid) if query.uuid else []
    found = [Finding(row.action, _address(row), f"{moment_text(row.created_at)} · {row.status}", True) for row in rows]
    return Group("Commands", "send", found)


def _conferences(query: Query) -> Group:
    rows = (
        first(Conference.objects.filter(Q(pk=query.uuid) | Q(conference_id=query.text.lower())))[0]
        if query.uuid
        else []
    )
    found = [Finding(_shown(str(row), query), _address(row), moment_text(row.started_at), True) for row in rows]
    return Group("Conferences", "groups", found)


def _named(query: Query, model: type[Model], title: str, icon: str, look: str = "icontains") -> Group:
    wanted = Q(**{f"name__{look}": query.text}) | Q(pk=query.uuid)
    if model is not TexmlDocument:
        wanted |= Q(connection_id=query.text)
    rows, more = first(model._default_manager.filter(wanted).select_related("account").order_by("name", "pk"))
    shown = visible if model is not DialBatch else partial(_shown, query=query)  # as the pages of each show them
    found = [
        Finding(shown(row.name), _address(row), str(row.account), str(row.pk) == query.text.lower()) for row in rows
    ]
    return Group(title, icon, found, _list(model, query) if more else "")


def _shown(text: str, query: Query) -> str:
    return visible(str(masked_for(query.user, text)))


def _address(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def _list(model: type[Model], query: Query) -> str:
    options = model._meta
    return f"{reverse(f'admin:{options.app_label}_{options.model_name}_changelist')}?{urlencode({'q': query.text})}"


def _search_page(query: Query) -> str:
    return f"{reverse('admin:portal_search')}?{urlencode({'q': query.text})}"
