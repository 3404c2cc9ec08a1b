"""Lets people make and revoke tokens of their own, for what they may do themselves."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, get_resolver, path, reverse
from django.utils import timezone
from rest_framework.permissions import SAFE_METHODS
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from portal.actors import actor_of
from portal.models import SCOPES, ApiToken, AuditEvent

PERMISSION = "portal.own_apitoken"
DAYS = 90  # a token ends after so many, unless another end is chosen


class MyTokenForm(forms.Form):
    """Makes a token with an end, and with scopes out of those that its owner can fill."""

    name = forms.CharField(max_length=100, widget=UnfoldAdminTextInputWidget(), help_text="What will use it.")
    scopes = forms.MultipleChoiceField(
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="Only what you may do yourself. What you may do no longer, the token can do no longer either.",
    )
    days = forms.TypedChoiceField(
        label="Ends after",
        coerce=int,
        choices=[(days, f"{days} days") for days in (30, DAYS, 365)],
        initial=DAYS,
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["scopes"]
        field.choices = [(scope, scope) for scope in scopes_of(user)]


def scopes_of(user: Any) -> list[str]:
    """Return the scopes that open anything to ``user``."""
    return [scope for scope in SCOPES if any(user.has_perm(permission) for permission in _permissions()[scope])]


@cache
def _permissions() -> dict[str, set[str]]:
    """Read from the REST views which permissions a scope is of use with."""
    needed = defaultdict(set, {"metrics:read": {"portal.view_heartbeat"}})
    for view in _views(get_resolver().url_patterns):
        rights: dict[str, str] = getattr(getattr(view, "cls", None), "permissions", {})
        for method, action in getattr(view, "actions", {name: name for name in rights}).items():
            right = "read" if method.upper() in SAFE_METHODS else "write"
            if action in rights:
                needed[f"{view.cls.scope}:{right}"].add(rights[action])
    return needed


def _views(patterns: Iterable[URLPattern | URLResolver]) -> Iterator[Any]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns)
        else:
            yield pattern.callback


def urls() -> list[URLPattern]:
    """Return the addresses, below those of the tokens."""
    view = admin.site.admin_view
    return [
        path("mine/", view(list_view), name="portal_apitoken_mine"),
        path("mine/<uuid:pk>/revoke/", view(revoke_view), name="portal_apitoken_mine_revoke"),
    ]


def list_view(request: HttpRequest) -> HttpResponse:
    """Show a person's own tokens, and make one."""
    _check(request)
    form = MyTokenForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        return _make(request, form.cleaned_data)
    context = {"title": "My tokens", "form": form, "tokens": _own(request), "opts": ApiToken._meta}
    return TemplateResponse(request, "portal/admin/my_tokens.html", admin.site.each_context(request) | context)


def revoke_view(request: HttpRequest, pk: Any) -> HttpResponse:
    """Revoke one of a person's own."""
    _check(request)
    token = _own(request).filter(pk=pk).first()
    if token is None:
        raise Http404
    if request.method != "POST":
        raise PermissionDenied
    if token.revoke(actor_of(request)):
        messages.success(request, f"The token {token.name} is revoked.")
    return HttpResponseRedirect(reverse("admin:portal_apitoken_mine"))


def _make(request: HttpRequest, chosen: dict[str, Any]) -> HttpResponse:
    until = timezone.now() + timedelta(days=chosen["days"])
    with transaction.atomic():
        token, text = ApiToken.make(request.user, chosen["name"], chosen["scopes"], until)
        AuditEvent.note(actor_of(request), "token.make", token, user=request.user.get_username(), scopes=token.scopes)
    context = {"title": f"Token {token.name}", "opts": ApiToken._meta, "text": text}
    context["back"] = reverse("admin:portal_apitoken_mine")
    return TemplateResponse(request, "portal/admin/token_made.html", admin.site.each_context(request) | context)


def _own(request: HttpRequest) -> Any:
    return ApiToken.objects.filter(user=request.user.pk)


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
