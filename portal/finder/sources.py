"""Finds the portal's own: pages, what can be done, chapters of the handbook, accounts, tokens, people."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import Q, Value
from django.db.models.functions import Concat
from django.urls import reverse

from portal.admin import navigation
from portal.finder.findings import MOST, Finding, Group, Query, bounded, first
from portal.handbook import book
from portal.models import ApiToken, TelnyxAccount

_MORE_CHAPTERS = f"Only the first {MOST} are shown. Type more of the heading to find others."


def find(query: Query) -> Iterator[Group]:
    """Find pages and actions by their names, chapters by their headings, rows by name or id."""
    actions = [Finding(name, url) for name, url in navigation.actions(query.user) if query.names(name)]
    yield Group("What you can do", "bolt", actions)
    pages = [Finding(name, url, section) for name, url, section in navigation.places(query.user)]
    yield Group("Pages", "web_asset", [page for page in pages if query.names(f"{page.title} {page.detail}")])
    if query.user.has_perm("portal.view_telnyxaccount"):
        yield _accounts(query)
    if query.user.has_perm("portal.view_apitoken"):
        yield _tokens(query)
    if query.user.has_perm("auth.view_user"):
        yield _people(query)
    chapters, more = bounded(_chapters(query))
    yield Group("Handbook", "menu_book", chapters, said=_MORE_CHAPTERS if more else "")


def _accounts(query: Query) -> Group:
    rows, more = first(TelnyxAccount.objects.filter(Q(name__icontains=query.text) | Q(pk=query.uuid)).order_by("name"))
    found = [
        Finding(
            row.name,
            reverse("admin:portal_telnyxaccount_change", args=[row.pk]),
            "LIVE" if row.is_live else "SANDBOX",
            row.pk == query.uuid,
        )
        for row in rows
    ]
    return Group("Telnyx accounts", "key", found, _list("portal_telnyxaccount", query) if more else "")


def _tokens(query: Query) -> Group:
    prefix = query.text.removeprefix("tvp_").removesuffix("…")
    rows, more = first(
        ApiToken.objects.filter(Q(name__icontains=query.text) | Q(prefix=prefix))
        .select_related("user")
        .order_by("name")
    )
    found = [
        Finding(
            row.name, reverse("admin:portal_apitoken_change", args=[row.pk]), f"of {row.user}", row.prefix == prefix
        )
        for row in rows
    ]
    return Group("API tokens", "vpn_key", found, _list("portal_apitoken", query) if more else "")


def _people(query: Query) -> Group:
    text, people = query.text, get_user_model().objects.annotate(full=Concat("first_name", Value(" "), "last_name"))
    asked = Q(username__icontains=text) | Q(full__icontains=text) | Q(email__istartswith=text)
    rows, more = first(people.filter(asked).order_by("username"))
    found = [
        Finding(row.username, reverse("admin:auth_user_change", args=[row.pk]), row.get_full_name()) for row in rows
    ]
    return Group("Users", "person", found, _list("auth_user", query) if more else "")


def _chapters(query: Query) -> Iterator[Finding]:
    for name in book.names():
        chapter, url = book.chapter(name), reverse("admin:portal_handbook", args=[name])
        if query.names(chapter.title):
            yield Finding(chapter.title, url)
        for heading in chapter.headings:
            if query.names(heading.title):
                yield Finding(heading.title, f"{url}#{heading.anchor}", chapter.title)


def _list(model: str, query: Query) -> str:
    return f"{reverse(f'admin:{model}_changelist')}?{urlencode({'q': query.text})}"
