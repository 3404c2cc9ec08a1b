"""The OpenAPI document: in each format what it was, and made once, however many strangers ask for it."""

from typing import Any

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny
from rest_framework.test import APIRequestFactory

from portal.rest import document, reference

pytestmark = pytest.mark.django_db
URL = "/api/schema/"
ASKED = (
    "*/*",
    "application/yaml",
    "application/vnd.oai.openapi+json",
    "application/json",
    "application/json; indent=2",
    "application/json; indent=0",
)


@pytest.fixture(scope="module")
def as_made_anew() -> Any:
    """What the library answers, which makes it of each request: of the first one here, and writes it each time."""
    made: list[Any] = []

    class Made(SchemaGenerator):
        def get_schema(self, request: Any = None, public: bool = False) -> Any:
            made.extend([] if made else [super().get_schema(request, public)])  # type: ignore[no-untyped-call]
            return made[0]

    return SpectacularAPIView.as_view(
        api_version="v1", generator_class=Made, authentication_classes=[], permission_classes=[AllowAny]
    )


@pytest.mark.parametrize("accept", ASKED)
def test_it_is_what_the_library_makes_of_it_to_the_byte(client: Client, as_made_anew: Any, accept: str) -> None:
    wanted = as_made_anew(APIRequestFactory().get(URL, headers={"Accept": accept})).render()
    told = client.get(URL, headers={"Accept": accept})
    assert told.status_code == 200
    assert told.content == wanted.content
    for header in ("Content-Type", "Content-Disposition", "Allow", "Vary"):
        assert told.headers[header].startswith(wanted.headers[header]), header


def test_it_is_made_once_and_written_once_a_format(client: Client, browser: Client, monkeypatch: Any) -> None:
    reference.resources.cache_clear()
    document._made.cache_clear()
    document._written.cache_clear()
    make, made = SchemaGenerator.get_schema, list[Any]()
    monkeypatch.setattr(
        SchemaGenerator, "get_schema", lambda self, *args, **told: made.append(told) or make(self, *args, **told)
    )
    for _ in range(2):
        for who in (client, browser):
            for accept in ("*/*", "application/yaml", "application/yaml; q=0.9; x=1", "application/json"):
                assert who.get(URL, headers={"Accept": accept}).status_code == 200
    assert client.get(f"{URL}?format=json&version=v2&lang=de", HTTP_HOST="testserver").status_code == 200
    assert client.get("/api/docs/calls/").status_code == 200
    assert len(made) == 1
    anew = SchemaGenerator(api_version="v1").get_schema(public=True)  # type: ignore[no-untyped-call]
    assert client.get(URL).content == OpenApiYamlRenderer().render(anew)  # whoever reads it leaves it as it is
    assert document._written.cache_info().misses == 2


def test_it_is_the_same_for_other_people_at_other_hosts(browser: Client, client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    told = [browser.get(URL), client.get(URL, HTTP_HOST="other.example"), client.get(f"{URL}?version=v9")]
    assert len({one.content for one in told}) == 1
