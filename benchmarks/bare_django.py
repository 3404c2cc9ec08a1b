"""The floor of a fetch: Django, one view, no middleware, the same bytes. Settings, addresses and application in one."""

import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

SECRET_KEY = "of the benchmark"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.bare_django"
MIDDLEWARE: list[str] = []
_DOCUMENT = os.environ.get("BARE_DOCUMENT", "").encode()


def document(request: HttpRequest, token: str) -> HttpResponse:
    length = {"Content-Length": str(len(_DOCUMENT))}
    return HttpResponse(_DOCUMENT, content_type="application/xml; charset=utf-8", headers=length)


urlpatterns = [path("texml/<str:token>/", document)]


@cache
def _handler() -> WSGIHandler:
    django.setup()
    return WSGIHandler()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    return _handler()(environ, start_response)
