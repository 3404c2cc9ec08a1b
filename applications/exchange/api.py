"""Plans and applies over REST: what Telnyx is to have comes in, what would be done goes out, and back in to be done."""

import threading
from typing import Any, ClassVar

from django.db import connection
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from applications.exchange import plan_files, plans, runs
from applications.exchange.plans import Entry, Plan, Problem, Unreadable
from applications.exchange.serializers import (
    ApplicationPlanInput,
    ApplicationPlanSerializer,
    ApplyRequest,
    ApplyRunSerializer,
)
from applications.kinds import Kind, flatten
from applications.models import ApplyRun
from portal.actors import Actor
from portal.json_types import JsonObject
from portal.masking import addresses_for
from portal.models import TelnyxAccount
from portal.rest import problems
from portal.rest.viewsets import PortalViewSet, account_of
from portal.telnyx.client import client_for
from portal.telnyx.patience import impatient

APPLY_SECONDS = 10.0
_VERBS = {"create": "add", "update": "change", "delete": "delete"}


class Plans:
    """A mixin for the viewset of a kind."""

    kind: ClassVar[Kind]
    actor: Actor

    @extend_schema(request=ApplicationPlanInput, responses=ApplicationPlanSerializer, filters=False)
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def plan(self, request: Request) -> Response:
        """Compare with what Telnyx has now, and write nothing."""
        body = _body(request, ApplicationPlanInput)
        account = account_of(request, body)
        entries = [_entry(self.kind, account, at, item) for at, item in enumerate(body["applications"])]
        prune, targets = body.get("prune", False), body.get("targets", ())
        with impatient():
            plan = plans.make(account, entries, [self.kind], prune=prune, targets=targets)
        if plan.problems:
            raise ValidationError(_by_field(plan.problems))
        return Response(_told(plan, request.user))

    @extend_schema(
        request=ApplyRequest,
        responses={
            200: ApplyRunSerializer,
            202: OpenApiResponse(ApplyRunSerializer, "Still running; Location tells where to look."),
        },
        filters=False,
    )
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def apply(self, request: Request) -> Response:
        """Carry out a plan as it was answered: all of it, or nothing if Telnyx has changed since.

        Waits up to 10 s for its end.
        """
        body = _body(request, ApplyRequest)
        plan = self._read(request, body["plan"])
        if lacking := next((step for step in plan.steps if not self._may(request, step.action)), None):
            raise PermissionDenied(f"You may not {lacking.action} these.")
        if not plan.steps:
            raise ValidationError({"plan.steps": ["There is nothing to do."]})
        try:
            with impatient():
                begun = runs.begin(plan, self.actor, "REST", accept_deletes=body.get("accept_deletes", False))
        except runs.NotBegun as refused:
            raise _refused(refused) from refused
        thread = threading.Thread(target=_in_thread, args=(begun, plan, self.actor), daemon=True)
        thread.start()
        thread.join(APPLY_SECONDS)
        run = ApplyRun.objects.select_related("account").get(pk=begun[0].pk)
        is_over = run.state != ApplyRun.State.RUNNING
        address = reverse("apply-detail", kwargs={"pk": run.pk}, request=request)
        told = ApplyRunSerializer(run, context={"request": request}).data
        return Response(told, 200 if is_over else 202, headers={"Location": address})

    def _read(self, request: Request, written: JsonObject) -> Plan:
        try:
            plan = plan_files.read(written, account_of(request, written))
        except Unreadable as unreadable:
            raise ValidationError(_by_field(unreadable.problems, "plan.")) from unreadable
        if any(step.kind is not self.kind for step in plan.steps):
            raise ValidationError({"plan.steps": [f"This is where plans of {self.kind.slug} are applied."]})
        return plan

    def _may(self, request: Request, action: str) -> bool:
        return bool(request.user.has_perm(self.kind.permission(_VERBS[action])))


class ApplyRunViewSet(mixins.RetrieveModelMixin, PortalViewSet):
    """What came of a plan, or how far it is."""

    queryset = ApplyRun.objects.select_related("account")
    serializer_class = ApplyRunSerializer
    scope = "applications"
    permissions = {"retrieve": "applications.view_applyrun"}


def _in_thread(begun: list[ApplyRun], plan: Plan, actor: Actor) -> None:
    try:
        for _ in runs.carried_out(begun, plan, actor):
            pass
    finally:  # each thread has its own connections, to Telnyx and to the database
        client_for(plan.account).close()
        connection.close()


def _told(plan: Plan, user: Any) -> JsonObject:
    """Return the plan as this person may see it. What is to be set stays as it came from them: apply takes it back."""
    told: JsonObject = addresses_for(user, plan.as_json())
    for step, shown in zip(plan.steps, told["steps"], strict=True):
        for name, after in step.values.items():
            shown["changes"][name]["after"] = after
    return told


def _body(request: Request, shape: Any) -> JsonObject:
    if unknown := {name: ["Unknown parameter."] for name in request.data if name not in shape().fields}:
        raise ValidationError(unknown)
    given = shape(data=request.data)
    given.is_valid(raise_exception=True)
    body: JsonObject = given.validated_data
    return body


def _entry(kind: Kind, account: TelnyxAccount, at: int, item: JsonObject) -> Entry:
    values = flatten(item)
    named, id = values.pop("account", None), values.pop("id", None)
    if named not in (None, account.name):
        message = f"This application is of another account than {account.name}."
        raise ValidationError({f"applications.{at}.account": [message]})
    if id is not None and not isinstance(id, str):
        raise ValidationError({f"applications.{at}.id": ["Must be a text."]})
    return Entry(kind, at + 1, values, id or "")


def _by_field(found: list[Problem], within: str = "") -> dict[str, list[str]]:
    errors: dict[str, list[str]] = {}
    for problem in found:
        at = f"applications.{problem.line - 1}." if problem.line else within
        errors.setdefault(f"{at}{problem.field}".strip(".") or "applications", []).append(problem.message)
    return errors


def _refused(refused: runs.NotBegun) -> problems.Problem:
    if isinstance(refused, runs.Outdated):
        told = "Telnyx changed since the plan was made; nothing was done."
        return problems.Problem(412, told, "stale", changes=[*refused.sentences])
    if isinstance(refused, runs.MassDelete):
        return problems.Problem(409, " ".join(refused.sentences), "looks_like_mass_delete")
    return problems.Problem(409, " ".join(refused.sentences), "busy")
