"""The names and arguments that other pages link to."""

import pytest
from django.test import Client
from django.urls import resolve, reverse

ACCOUNT = "0a9db695-72c7-4564-9890-12da66bef6da"
LISTS = ("calls", "conferences", "queues", "recordings", "transcriptions", "secrets", "dial")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_named_by_what_it_lists(name: str) -> None:
    assert reverse(f"admin:voice_texml_{name}") == f"/admin/texml/{name}/"


@pytest.mark.parametrize("name", ["call", "conference", "queue", "recording", "transcription"])
@pytest.mark.parametrize("sid", ["v3:a_b-c", "a/b", "with space", "ümlaut", "100%", "a/media", "a?b#c"])
def test_a_resource_is_found_under_any_id(name: str, sid: str) -> None:
    from_id = reverse(f"admin:voice_texml_{name}", args=[ACCOUNT, sid])
    assert from_id.startswith(f"/admin/texml/{name}s/{ACCOUNT}/")


def test_a_command_takes_its_ids_from_the_query() -> None:
    assert resolve(reverse("admin:voice_texml_do", args=[ACCOUNT, "texml.calls.record"])).kwargs["action"] == (
        "texml.calls.record"
    )


@pytest.mark.django_db
@pytest.mark.parametrize("name", LISTS)
def test_nobody_sees_a_page_without_signing_in(client: Client, name: str) -> None:
    answered = client.get(f"/admin/texml/{name}/")
    assert (answered.status_code, "/admin/login/" in answered.url) == (302, True)
