"""Provides the base of every REST view: idempotent POSTs, one scope, permissions by action, one account."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, TypeVar

from django.utils.http import parse_etags
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import mixins, viewsets
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.serializers import ValidationError

from portal.actors import Actor, actor_of
from portal.models import TelnyxAccount
from portal.rest.filters import refuse_empty_or_repeated, refuse_unknown_parameters
from portal.rest.idempotency import Idempotent
from portal.rest.serializers import refuse_unknown_members

T = TypeVar("T")

ACCOUNT = OpenApiParameter("account", str, description="Name of the account, when the id is known to several.")
_OF_NEW = OpenApiParameter("account", str, description="Name of the account, if the body names none.")


class PortalViewSet(Idempotent, viewsets.GenericViewSet):  # type: ignore[type-arg]
    """``scope`` and ``permissions`` are what ``ScopeAndPermission`` asks for, ``ordering`` what the cursor pages by.

    ``parameters`` are those of its address that an action takes beside ``account``. It names each read of something
    else than a list that is no ``retrieve``; a list refuses by itself what it does not know. Where nothing is of an
    account (``is_of_account``), or the path says of which, one that the address names is refused: it would be left out
    in silence. So would the members of a body that nobody reads be: of each DELETE, and of the actions
    ``without_body``.
    """

    scope: ClassVar[str]
    permissions: ClassVar[dict[str, str]]
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    parameters: ClassVar[Mapping[str, Collection[str]]] = {}
    without_body: ClassVar[Collection[str]] = ()
    is_of_account: ClassVar[bool] = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        writes = request.method not in SAFE_METHODS
        if self.action and (writes or self.action in {"retrieve", *self.parameters}):
            account = ("account",) if self.is_of_account else ()
            refuse_unknown_parameters(request, *account, *self.parameters.get(self.action, ()))
        # read here, so that a body that cannot be read is refused also where none is asked for
        if writes and not isinstance(request.data, dict):
            raise ValidationError({"non_field_errors": ["The body must be a JSON object."]})
        if self.action and (request.method == "DELETE" or self.action in self.without_body):
            refuse_unknown_members(request.data)

    @property
    def actor(self) -> Actor:
        return actor_of(self.request)


class ReadOnlyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, PortalViewSet):
    """List and retrieve."""


class DescribedSchema(AutoSchema):
    """Describes an operation in the OpenAPI document, with ``?account=`` where a view reads it without saying so.

    Whatever is made takes it beside the body; one thing is looked for in what the filters of its list leave. A list
    is described by these, and an operation that has an account of its own by what it says.
    """

    def get_override_parameters(self) -> list[Any]:
        described: list[Any] = super().get_override_parameters()
        view: Any = self.view
        if not isinstance(view, PortalViewSet) or not view.is_of_account:
            return described
        if not view.detail:
            return [*described, _OF_NEW] if self.method == "POST" else described
        is_filtered = "account" in getattr(getattr(view, "filterset_class", None), "base_filters", ())
        refuses = self.method in SAFE_METHODS and view.action != "retrieve"  # what is read below has its own
        return [*described, ACCOUNT] if is_filtered and not refuses else described


def demand(request: Request, permission: str) -> None:
    """Refuse who lacks a permission that is needed beside the one of what is asked."""
    if not request.user.has_perm(permission):
        raise PermissionDenied(f"The token's user lacks the permission {permission}.")


def account_name(request: Request, body: Any = None) -> str | None:
    """Return the name of the account that the body or ``?account=`` names, if one of them does; 400 when they differ.

    Neither is the stronger one: of two names, one would be of an account that nobody meant.
    """
    refuse_empty_or_repeated(request, "account")
    asked, told = request.query_params.get("account"), body.get("account") if isinstance(body, dict) else None
    if told is not None and not isinstance(told, str):
        raise ValidationError({"account": ["Must be the name of an account."]})
    if told is not None and asked is not None and told != asked:
        raise ValidationError({"account": ["The body names another account than the address: name one."]})
    return asked if told is None else told


def only_one(rows: Iterable[T], what: str) -> T:
    """Return the row of an address, from those of each account that has its id: 404 without, 400 when they are several.

    ``what`` is it, with its article.
    """
    found = list(rows)
    if not found:
        raise NotFound
    if found[1:]:
        names = ", ".join(sorted(str(row.account.name) for row in found))  # type: ignore[attr-defined]
        raise ValidationError({"account": [f"Several accounts have {what} of this id: name one. They are {names}."]})
    return found[0]


def named_states(request: Request) -> list[str]:
    """Return the states that ``If-Match`` names by their ETags; ``*`` and no header ask for none.

    A weak ETag is as good as a strong one: Django makes it weak where it compresses the answer that tells it.
    """
    text = request.headers.get("If-Match")
    if text is None or text.strip() == "*":
        return []
    return [tag.removeprefix("W/").strip('"') for tag in parse_etags(text)] or ["unreadable"]


def account_of(request: Request, body: Any = None) -> TelnyxAccount:
    """Return the account that the body or ``?account=`` names; optional while there is only one."""
    name = account_name(request, body)
    accounts = TelnyxAccount.objects.all()
    if name is None:
        if len(two := list(accounts[:2])) == 1:
            return two[0]
        raise ValidationError({"account": ["Name one: there are several accounts, or none yet."]})
    if not (account := accounts.filter(name=name).first()):
        raise ValidationError({"account": ["There is no account of this name."]})
    return account
