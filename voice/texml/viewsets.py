"""Provides what the REST views of TeXML share: the account, Telnyx's pages behind our cursor, numbers masked."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.models import TelnyxAccount
from portal.rest.filters import refuse_unknown_parameters
from portal.rest.pagination import MAX_PAGE_SIZE, page_size_of
from portal.rest.viewsets import PortalViewSet, account_name, account_of, only_one
from portal.telnyx.schemas import InvalidParameters
from voice.calls.search import of_control_id
from voice.catalogue import texml_operations
from voice.commands.responses import accepted
from voice.commands.serializers import CommandSerializer
from voice.models import Call, CallCommand
from voice.texml import listings, requests

F = TypeVar("F", bound=Callable[..., Any])
ID = "[^/]{1,512}"
_ACCOUNT = OpenApiParameter("account", str, description="Optional while there is one.")
_PAGING = (
    OpenApiParameter("cursor", str, description="Of next or previous, as it is."),
    OpenApiParameter("page_size", int, description=f"1 to {MAX_PAGE_SIZE}."),
)


class PageSerializer(serializers.Serializer[Any]):
    """A page of a list as Telnyx told it at ``as_of``. ``results`` are Telnyx's, by its names."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    as_of = serializers.DateTimeField()
    results = serializers.ListField(child=serializers.DictField())


# it is the page, not a row of one
_PAGE = forced_singular_serializer(PageSerializer)  # type: ignore[no-untyped-call]


def lists(*path: str, of: str = "") -> Callable[[F], F]:
    """Document a list; its filters are added when the document is made. ``of`` names one below another resource."""
    return extend_schema(
        operation_id=f"texml_{of}_list" if of else None, parameters=[*_where(path), *_PAGING], responses=_PAGE
    )


def reads(*path: str) -> Callable[[F], F]:
    """Document a read of one resource."""
    return extend_schema(parameters=_where(path), responses=OpenApiTypes.OBJECT)


def acts(*path: str, body: Any = OpenApiTypes.OBJECT) -> Callable[[F], F]:
    """Document a command; its body is read from the SDK when the document is made."""
    return extend_schema(parameters=_where(path), request=body, responses={202: CommandSerializer})


def _where(path: tuple[str, ...]) -> list[OpenApiParameter]:
    return [_ACCOUNT, *(OpenApiParameter(one, str, OpenApiParameter.PATH) for one in path)]


class TexmlViewSet(PortalViewSet):
    """What all have: the account by name, pages and resources as Telnyx tells them, 202 for a command."""

    scope = "texml"
    queryset = Call.objects.none()
    serializer_class = serializers.Serializer
    pagination_class = None  # Telnyx pages
    lookup_value_regex = ID

    def account(self, request: Request, call_sid: str = "") -> TelnyxAccount:
        """Return the account that is named, else that of the call, else the only one."""
        if call_sid and account_name(request, request.data) is None:
            known = Call.objects.select_related("account").filter(of_control_id(call_sid))
            if rows := list(known):
                return only_one(rows, "a call").account
        return account_of(request, request.data)

    def values(self, request: Request) -> dict[str, Any]:
        return {name: value for name, value in dict(request.data or {}).items() if name != "account"}

    def listed(
        self, request: Request, name: str, ask: Callable[[dict[str, str]], requests.Page | None], *also: str
    ) -> Response:
        """Answer with the page that the cursor names, else with the first one. ``also`` are parameters of ours."""
        known = texml_operations.filters(name)
        refuse_unknown_parameters(request, *known, "account", "cursor", "page_size", *also)
        wanted = {one: request.query_params[one] for one in known if one in request.query_params}
        size, account = page_size_of(request), account_name(request, request.data) or ""
        listed = listings.Listed(name, wanted, (account, *self.kwargs.values(), str(size)))
        try:
            query = listings.query(listed, self.actor, request.query_params.get("cursor"), size)
        except InvalidParameters as error:
            raise ValidationError(error.errors) from None
        except listings.SideRefused as refused:
            raise refused.problem() from None
        if (found := ask(query)) is None:
            raise NotFound
        return Response(
            {
                "next": self._link(request, listed, found.next),
                "previous": self._link(request, listed, found.previous),
                "as_of": found.as_of,
                "results": [listings.shown(request.user, row) for row in found.rows],
            }
        )

    def told(self, request: Request, found: requests.Told | None, *, link_of: str = "") -> Response:
        """Answer with a resource; ``link_of`` is the SID of a recording whose link is told."""
        if found is None:
            raise NotFound
        told = found.resource
        seen = listings.with_link(told, link_of, self.actor) if link_of else listings.shown(request.user, told)
        return Response({**seen, "as_of": found.as_of})

    def accepted(self, make: Callable[[], CallCommand]) -> Response:
        return accepted(self, make)

    def _link(self, request: Request, listed: listings.Listed, query: dict[str, str] | None) -> str | None:
        if query is None:
            return None
        kept = request.query_params.copy()
        kept["cursor"] = listings.cursor(query, listed)
        return request.build_absolute_uri(f"{request.path}?{kept.urlencode()}")
