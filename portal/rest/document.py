"""Serves the OpenAPI document: the same for everybody, so made once a process, and written once a format."""

import threading
from functools import cache, lru_cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

from portal.json_types import JsonObject

VERSION = "v1"
_MOST_WRITTEN = 4  # YAML, JSON, and JSON of other indents, of which a stranger may ask for eight
_making = threading.RLock()  # who comes while it is made waits for it, and does not make a second one


class DocumentView(SpectacularAPIView):
    """Answers the document in the format that is asked for."""

    api_version = VERSION

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer = request.accepted_renderer
        indent = 0
        if isinstance(renderer, OpenApiJsonRenderer):
            indent = renderer.get_indent(request.accepted_media_type, {})  # type: ignore[no-untyped-call]
        kind = renderer.media_type + (f"; charset={renderer.charset}" if renderer.charset else "")
        name = self._get_filename(request, VERSION)  # type: ignore[no-untyped-call]
        headers = {"Content-Disposition": f'inline; filename="{name}"'}
        with _making:
            return HttpResponse(_written(indent), content_type=kind, headers=headers)


def document() -> JsonObject:
    """Return it. The first time the SDK's types are read, which takes seconds."""
    with _making:
        return _made()


@cache
def _made() -> JsonObject:
    made: JsonObject = SchemaGenerator(api_version=VERSION).get_schema(public=True)  # type: ignore[no-untyped-call]
    return made


@lru_cache(_MOST_WRITTEN)
def _written(indent: int) -> bytes:
    """Write it as JSON with so many spaces a level, or for none as YAML."""
    renderer: Any = OpenApiJsonRenderer() if indent else OpenApiYamlRenderer()
    content: bytes = renderer.render(_made(), f"{renderer.media_type}; indent={indent}", {})
    return content
