"""Serves the names of numbers over REST."""

from typing import Any

import django_filters
from django.core.exceptions import ValidationError as Wrong
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.phone_numbers import check_endpoint
from portal.rest.filters import StrictFilters
from portal.rest.viewsets import ReadOnlyViewSet, demand
from voice.models import Contact
from voice.notes import contacts
from voice.notes.serializers import ContactSerializer, ImportedSerializer, ImportSerializer, NewContactSerializer

_WHOLE = "voice.view_full_number"


class ContactFilters(django_filters.FilterSet):
    """The filters of the contacts."""

    name = django_filters.CharFilter(
        method="by_name", help_text="The beginning of a name or a company; all of it where it has a digit."
    )
    number = django_filters.CharFilter(method="by_number", help_text="Whole; for who may see whole numbers.")

    def by_name(self, rows: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        return rows.filter(contacts.named(value))

    def by_number(self, rows: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        demand(self.request, _WHOLE)
        try:
            return rows.filter(number=check_endpoint(value))
        except Wrong as wrong:
            raise ValidationError({name: wrong.messages}) from None

    class Meta:
        model = Contact
        fields = ()


class ContactViewSet(ReadOnlyViewSet):
    """Names of numbers. To write one takes the permission to see whole numbers, as on their pages.

    An import does not: its numbers are those of the file, and it tells no other.
    """

    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
    filter_backends = (StrictFilters,)
    filterset_class = ContactFilters
    scope = "calls"
    is_of_account = False  # a number has one name, whichever account it calls
    ordering = ("id",)  # a cursor by name would tell what is in a name
    permissions = {
        "list": "voice.view_contact",
        "retrieve": "voice.view_contact",
        "create": "voice.add_contact",
        "partial_update": "voice.change_contact",
        "destroy": "voice.delete_contact",
        "import_csv": "voice.add_contact",  # and to change them
    }

    @extend_schema(request=NewContactSerializer, responses={201: ContactSerializer})
    def create(self, request: Request) -> Response:
        """Name a number. One that has a name already is refused: change that contact."""
        demand(request, _WHOLE)
        contact = self._written(Contact(), self._given())
        headers = {"Location": f"/api/v1/contacts/{contact.pk}/"}
        return Response(self.get_serializer(contact).data, status.HTTP_201_CREATED, headers=headers)

    @extend_schema(request=NewContactSerializer, responses=ContactSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a name, a company or a number."""
        demand(request, _WHOLE)
        contact = self.get_object()
        return Response(self.get_serializer(self._written(contact, self._given(partial=True))).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Forget the name of a number."""
        contacts.remove(self.get_object(), self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=ImportSerializer, responses=ImportedSerializer)
    @action(detail=False, methods=["post"], url_path="import", filterset_class=None)
    def import_csv(self, request: Request) -> Response:
        """Take a CSV file: all of it, or, with what is wrong told by line, nothing."""
        demand(request, "voice.change_contact")
        file = ImportSerializer(data=request.data)
        file.is_valid(raise_exception=True)
        try:
            new, changed = contacts.store(contacts.read(file.validated_data["csv"].encode()), self.actor)
        except contacts.BadFile as bad:
            raise ValidationError({"csv": bad.problems}) from None
        return Response({"new": new, "changed": changed})

    def _given(self, *, partial: bool = False) -> dict[str, Any]:
        given = NewContactSerializer(data=self.request.data, partial=partial)
        given.is_valid(raise_exception=True)
        return dict(given.validated_data)

    def _written(self, contact: Contact, told: dict[str, Any]) -> Contact:
        return contacts.write(contact, contacts.fields_of(**told), self.actor)
