"""Serves over REST what people add to calls: notes, tags, follow-ups, the name of who was on the line."""

from typing import Any

import django_filters
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError as Wrong
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.rest.filters import StrictFilters, YesNo, refuse_unknown_parameters
from portal.rest.viewsets import ACCOUNT, PortalViewSet, demand
from voice.calls.api import call_of_address, session_of_address
from voice.models import Call, CallNote, CallTag, Contact, FollowUp
from voice.notes import contacts, history, notes, tags
from voice.notes.serializers import (
    ContactSerializer,
    FollowUpSerializer,
    NameSerializer,
    NewFollowUpSerializer,
    NewNoteSerializer,
    NewTagSerializer,
    NoteSerializer,
    TagSerializer,
)

_SEE = "voice.view_call"
_of_a_call = extend_schema(parameters=[ACCOUNT, OpenApiParameter("call_control_id", str, OpenApiParameter.PATH)])
_of_a_session = extend_schema(parameters=[ACCOUNT, OpenApiParameter("call_session_id", str, OpenApiParameter.PATH)])


class _OfCall(PortalViewSet):
    """What belongs to one call, for who may see it."""

    scope = "calls"
    address_parameters = ("account",)

    def call(self) -> Call:
        demand(self.request, _SEE)
        rows = Call.objects.select_related("account").defer("facts")
        return call_of_address(rows, self.request, self.kwargs["call_control_id"])

    def given(self, kind: Any, field: str = "") -> Any:
        """Return the value of a body's only field, or all that was given."""
        asked = kind(data=self.request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data.get(field) if field else asked.validated_data

    def made(self, row: Any) -> Response:
        return Response(self.get_serializer(row).data, status.HTTP_201_CREATED)


@_of_a_call
class CallNoteViewSet(mixins.ListModelMixin, _OfCall):
    """Notes on one leg, newest first."""

    queryset = CallNote.objects.select_related("call").defer("call__facts")
    serializer_class = NoteSerializer
    ordering = ("-at", "-id")
    lookup_value_regex = "[^/]+"
    permissions = {
        "list": "voice.view_callnote",
        "create": "voice.add_callnote",
        "destroy": "voice.delete_callnote",
    }

    def get_queryset(self) -> QuerySet[CallNote]:
        rows: QuerySet[CallNote] = super().get_queryset()
        return rows.filter(call=self.call())

    @extend_schema(request=NewNoteSerializer, responses={201: NoteSerializer})
    def create(self, request: Request, call_control_id: str) -> Response:
        """Write a note."""
        call, text = self.call(), self.given(NewNoteSerializer, "text")
        try:
            return self.made(notes.write(call, text, self.actor))
        except Wrong as wrong:
            raise ValidationError({"text": wrong.messages}) from None

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, call_control_id: str, pk: str) -> Response:
        """Delete a note; that it was there stays in the audit trail."""
        notes.remove(self.get_object(), self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


@_of_a_session
class SessionNoteViewSet(mixins.ListModelMixin, PortalViewSet):
    """Notes on all legs of a session, newest first."""

    queryset = CallNote.objects.select_related("call").defer("call__facts")
    serializer_class = NoteSerializer
    scope = "calls"
    address_parameters = ("account",)
    ordering = ("-at", "-id")
    permissions = {"list": "voice.view_callnote"}

    def get_queryset(self) -> QuerySet[CallNote]:
        demand(self.request, _SEE)
        calls, rows = Call.objects.select_related("account").defer("facts"), super().get_queryset()
        legs = session_of_address(calls, self.request, self.kwargs["call_session_id"])
        found: QuerySet[CallNote] = rows.filter(call__in=[leg.pk for leg in legs])
        return found


@_of_a_call
class CallTagViewSet(mixins.ListModelMixin, _OfCall):
    """Tags of one leg, at most 20."""

    queryset = CallTag.objects.all()
    serializer_class = TagSerializer
    ordering = ("id",)  # a cursor by name would tell what is masked in a name
    lookup_field = "name"
    lookup_value_regex = "[^/]+"
    permissions = {"list": "voice.view_calltag", "create": "voice.add_calltag", "destroy": "voice.delete_calltag"}

    def get_queryset(self) -> QuerySet[CallTag]:
        rows: QuerySet[CallTag] = super().get_queryset()
        return rows.filter(call=self.call())

    @extend_schema(request=NewTagSerializer, responses={201: TagSerializer})
    def create(self, request: Request, call_control_id: str) -> Response:
        """Give the call a tag; twice is once."""
        call, name = self.call(), self.given(NewTagSerializer, "name")
        try:
            return self.made(tags.tag(call, name, self.actor))
        except Wrong as wrong:
            raise ValidationError({"name": wrong.messages}) from None

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, call_control_id: str, name: str) -> Response:
        """Take a tag away."""
        row = self.get_object()
        tags.untag(row.call, row.pk, self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


@_of_a_call
class CallFollowUpViewSet(_OfCall):
    """That somebody is to look at a leg again."""

    queryset = FollowUp.objects.select_related("call", "assignee").defer("call__facts")
    serializer_class = FollowUpSerializer
    without_body = ("done",)
    permissions = {
        "retrieve": "voice.view_followup",
        "update": "voice.add_followup",
        "done": "voice.change_followup",
    }

    def retrieve(self, request: Request, call_control_id: str) -> Response:
        """Who is to look at it again, or who did; 404 when nobody was asked."""
        refuse_unknown_parameters(request, *self.address_parameters)
        return Response(self.get_serializer(self._of(self.call())).data)

    @extend_schema(request=NewFollowUpSerializer, responses=FollowUpSerializer)
    def update(self, request: Request, call_control_id: str) -> Response:
        """Ask somebody to look at it again, also one that was done."""
        call, name = self.call(), self.given(NewFollowUpSerializer, "assignee")
        try:
            asked = notes.ask_for_follow_up(call, notes.person(name or ""), self.actor, takes_over=True)
        except Wrong as wrong:
            raise ValidationError({"assignee": wrong.messages}) from None
        return Response(self.get_serializer(asked).data)

    @extend_schema(request=None, responses=FollowUpSerializer)
    def done(self, request: Request, call_control_id: str) -> Response:
        """Say that it was looked at. What is done stays as it is."""
        call = self.call()
        self._of(call)
        notes.finish_follow_up(call, self.actor)
        return Response(self.get_serializer(self._of(call)).data)

    def _of(self, call: Call) -> FollowUp:
        found: FollowUp | None = self.get_queryset().filter(call=call).first()
        if found is None:
            raise NotFound
        return found


class FollowUpFilters(django_filters.FilterSet):
    """The filters of the follow-ups."""

    open = YesNo(method="by_open")
    assignee = django_filters.CharFilter(method="by_assignee", help_text="A user name.")

    def by_open(self, rows: QuerySet[FollowUp], name: str, value: str) -> QuerySet[FollowUp]:
        return rows.filter(done_at__isnull=value == "true")

    def by_assignee(self, rows: QuerySet[FollowUp], name: str, value: str) -> QuerySet[FollowUp]:
        return rows.filter(assignee__in=list(get_user_model().objects.filter(username=value)))

    class Meta:
        model = FollowUp
        fields = ()


class FollowUpViewSet(mixins.ListModelMixin, PortalViewSet):
    """The calls that somebody is to look at again, and those that were, newest first."""

    queryset = FollowUp.objects.select_related("call", "assignee").defer("call__facts")
    serializer_class = FollowUpSerializer
    filter_backends = (StrictFilters,)
    filterset_class = FollowUpFilters
    scope = "calls"
    ordering = ("-at", "-call_id")
    permissions = {"list": "voice.view_followup"}

    def get_queryset(self) -> QuerySet[FollowUp]:
        demand(self.request, _SEE)
        rows: QuerySet[FollowUp] = super().get_queryset()
        return rows


@_of_a_call
class CallContactViewSet(_OfCall):
    """The name of the number that is not ours."""

    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
    permissions = {"retrieve": "voice.view_contact", "update": "voice.change_contact"}

    def retrieve(self, request: Request, call_control_id: str) -> Response:
        """Who called, or who was called; 404 when the number has no name."""
        refuse_unknown_parameters(request, *self.address_parameters)
        number = history.other_party(self.call())
        found = contacts.names([number]).get(number)
        if found is None:
            raise NotFound
        return Response(self.get_serializer(found).data)

    @extend_schema(request=NameSerializer, responses=ContactSerializer)
    def update(self, request: Request, call_control_id: str) -> Response:
        """Name the number, or name it anew: for who may not see whole numbers the only way.

        Without ``company`` that stays.
        """
        demand(request, "voice.add_contact")
        call, told = self.call(), self.given(NameSerializer)
        contact = history.name_other_party(call, told["name"], told.get("company"), self.actor)
        return Response(self.get_serializer(contact).data)
