"""Parses JSON bodies strictly: what Python would quietly bend is refused with 400."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from portal import payloads

MAX_BYTES = 1024 * 1024


class TooLarge(APIException):
    """Answers 413. Not a ``Problem``: DRF imports this module while ``problems`` imports DRF's views."""

    status_code = 413
    default_detail = "The body is larger than 1 MiB."
    default_code = "too_large"


class StrictJSON(BaseParser):
    """Parses ``application/json`` up to 1 MiB, by ``portal.payloads``."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise TooLarge
        try:
            return payloads.loads(body)
        except payloads.Unreadable as error:
            raise ParseError(f"The body cannot be read: {error}.") from None
