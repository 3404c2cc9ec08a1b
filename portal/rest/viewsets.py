"""Provides the base of every REST view: idempotent POSTs, one scope, permissions by action."""

from typing import Any, ClassVar

from rest_framework import mixins, viewsets
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.serializers import ValidationError

from portal.actors import Actor, actor_of
from portal.models import TelnyxAccount
from portal.rest.idempotency import Idempotent


class PortalViewSet(Idempotent, viewsets.GenericViewSet):  # type: ignore[type-arg]
    """``scope`` and ``permissions`` are what ``ScopeAndPermission`` asks for, ``ordering`` what the cursor pages by."""

    scope: ClassVar[str]
    permissions: ClassVar[dict[str, str]]
    ordering: ClassVar[tuple[str, ...]] = ("-id",)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # read here, so that a body that cannot be read is refused also where none is asked for
        if request.method not in SAFE_METHODS and not isinstance(request.data, dict):
            raise ValidationError({"non_field_errors": ["The body must be a JSON object."]})

    @property
    def actor(self) -> Actor:
        return actor_of(self.request)


class ReadOnlyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, PortalViewSet):
    """List and retrieve."""


def demand(request: Request, permission: str) -> None:
    """Refuse who lacks a permission that is needed beside the one of what is asked."""
    if not request.user.has_perm(permission):
        raise PermissionDenied(f"The token's user lacks the permission {permission}.")


def account_of(request: Request, body: Any) -> TelnyxAccount:
    """Return the account a create is for: its ``account`` member, optional while there is only one."""
    name = body.get("account") if isinstance(body, dict) else None
    accounts = TelnyxAccount.objects.all()
    if name is None:
        if len(two := list(accounts[:2])) == 1:
            return two[0]
        raise ValidationError({"account": ["Name one: there are several accounts, or none yet."]})
    if not isinstance(name, str) or not (account := accounts.filter(name=name).first()):
        raise ValidationError({"account": ["There is no account of this name."]})
    return account
