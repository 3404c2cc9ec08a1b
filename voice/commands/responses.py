"""Answers 202 with a command, and wakes whoever sends it."""

from collections.abc import Callable

from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response

from portal.rest.viewsets import PortalViewSet
from portal.telnyx.schemas import InvalidParameters
from voice.commands.serializers import CommandSerializer
from voice.models import CallCommand
from voice.wakeups import wake_commands


def wake_sender(command: CallCommand) -> bool:
    """Wake the sender of a command that is queued; False when it was closed before it could be sent."""
    queued = command.status == CallCommand.Status.QUEUED
    if queued:
        wake_commands(command.pk)
    return queued


def accepted(view: PortalViewSet, make: Callable[[], CallCommand]) -> Response:
    """Answer 202 with the command that ``make`` returns; 400 by field when its parameters are refused."""
    try:
        command = make()
    except InvalidParameters as error:
        raise ValidationError(error.errors) from None
    wake_sender(command)
    body = CommandSerializer(command, context=view.get_serializer_context()).data
    return Response(body, status.HTTP_202_ACCEPTED, headers={"Location": f"/api/v1/commands/{command.pk}/"})
