"""Answers 202 with a command, and wakes whoever sends it."""

from collections.abc import Callable

from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from portal.rest.viewsets import PortalViewSet
from portal.telnyx.schemas import InvalidParameters
from voice.commands.outbox import wake_sender
from voice.commands.serializers import CommandSerializer
from voice.models import CallCommand


def accepted(view: PortalViewSet, make: Callable[[], CallCommand]) -> Response:
    """Answer 202 with the command that ``make`` returns; 400 by field when its parameters are refused."""
    try:
        command = make()
    except InvalidParameters as error:
        raise ValidationError(error.errors) from None
    wake_sender(command)
    body = CommandSerializer(command, context=view.get_serializer_context()).data
    return Response(body, status.HTTP_202_ACCEPTED, headers={"Location": f"/api/v1/commands/{command.pk}/"})
