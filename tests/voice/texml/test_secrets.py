"""Secrets: the value reaches Telnyx and nothing of ours."""

import hashlib
import json
import logging
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from portal.actors import Actor
from portal.models import AuditEvent, IdempotentReply
from portal.refusals import PortalRefusal
from tests.support.accounts import make_account
from tests.support.clocks import is_near
from tests.support.http_servers import answer
from tests.support.rest import problem
from tests.support.rows import CallCommand
from tests.support.texml_resources import URL, parts, telnyx_texml, wired
from tests.support.times import ago
from voice.dispatch import reconciliation, sender
from voice.texml import secrets

pytestmark = pytest.mark.django_db
VALUE = "hunter2-the-value"
SECRET = {"name": "crm", "value": VALUE}


def everything_kept() -> str:
    """Every row of ours, whole."""
    models = [model for model in apps.get_models() if model._meta.app_label in {"portal", "voice", "applications"}]
    return "\n".join(repr(list(model._default_manager.values_list())) for model in models)


def save(api: APIClient, **headers: str) -> Any:
    return api.post(f"{URL}secrets/", SECRET, format="json", headers=headers)


def test_the_value_is_sent_and_forgotten(api: APIClient, caplog: pytest.LogCaptureFixture) -> None:
    said = {"data": {"name": "crm", "value": "REDACTED"}}
    with caplog.at_level(logging.DEBUG), telnyx_texml(lambda method, path: said) as server:
        wired(server.url)
        saved = save(api, **{"Idempotency-Key": "k"})
        (raw,) = server.requests
    assert (parts(raw)[:2], json.loads(parts(raw)[3])) == (("POST", "/v2/texml/secrets"), SECRET)
    assert (saved.status_code, saved.json()["status"], saved.json()["parameters"]) == (202, "ok", {"name": "crm"})
    assert VALUE not in saved.content.decode() + everything_kept()
    assert VALUE not in "".join(line.getMessage() for line in caplog.records if not line.name.startswith("telnyx"))
    command, audit = CallCommand.objects.get(), AuditEvent.objects.get(action="texml.secrets.save")
    assert (command.requested_by, audit.details["status"]) == (audit.actor, "sending")


def test_the_sdk_logs_no_bodies_whatever_the_level(settings: Any) -> None:
    assert settings.LOGGING["loggers"]["telnyx"] == {"level": "WARNING"}


def test_a_refusal_with_a_long_code_is_kept_as_any_other(api: APIClient) -> None:
    said = answer("422 No", b'{"errors":[{"code":"secret_name_is_not_allowed"}]}')
    with telnyx_texml(lambda method, path: said) as server:
        wired(server.url)
        saved = save(api)
    assert (saved.status_code, saved.json()["status"]) == (202, "refused")
    assert CallCommand.objects.get().error_code == "secret_name_is_not_a"


def test_what_is_kept_for_a_repeat_cannot_be_guessed_from(api: APIClient) -> None:
    with telnyx_texml() as server:
        wired(server.url)
        replies = [save(api, **{"Idempotency-Key": "k"}) for _ in range(2)]
        assert len(server.requests) == 1
        other = SECRET | {"value": "another"}
        again = api.post(f"{URL}secrets/", other, format="json", headers={"Idempotency-Key": "k"})
    assert replies[0].json()["id"] == replies[1].json()["id"]
    assert again.status_code == 422
    body = json.dumps(SECRET, separators=(",", ":")).encode()
    assert IdempotentReply.objects.get().fingerprint != hashlib.sha256(f"{URL}secrets/\n".encode() + body).hexdigest()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (answer("201 Created", b'{"data": {"name": "crm"}}'), (201, None, "ok")),
        (answer("422 No", b'{"errors":[{"code":"10015"}]}'), (422, "10015", "refused")),
    ],
)
def test_its_one_attempt_tells_what_telnyx_said(api: APIClient, said: bytes, told: tuple[Any, ...]) -> None:
    with telnyx_texml(lambda method, path: said) as server:
        wired(server.url)
        saved = save(api).json()
    (attempt,) = saved["attempts"]
    assert (attempt["http_status"], attempt["code"], attempt["outcome"], attempt["ms"] >= 0) == (*told, True)
    assert api.get(f"/api/v1/commands/{saved['id']}/").json() == saved
    command = CallCommand.objects.get()
    assert (is_near(command.finished_at), command.lease_until) == (True, None)


def test_while_it_is_sent_nobody_else_takes_it_up(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[Any] = []

    def send(*_: Any) -> dict[str, Any]:
        command = CallCommand.objects.get()
        met.append((command.status, is_near(command.first_sent_at), is_near(command.lease_until, 30), sender.due(9)))
        return {}

    monkeypatch.setattr("voice.texml.requests.send", send)
    wired("http://127.0.0.1:9")
    assert save(api).json()["status"] == "ok"
    assert met == [("sending", True, True, [])]


@pytest.mark.parametrize("columns", [{"status": "uncertain"}, {"lease_until": ago(-60)}])
def test_what_somebody_else_has_taken_up_meanwhile_is_left_to_him(
    api: APIClient, monkeypatch: pytest.MonkeyPatch, columns: dict[str, Any]
) -> None:
    def send(*_: Any) -> dict[str, Any]:
        CallCommand.objects.update(**columns)
        return {}

    monkeypatch.setattr("voice.texml.requests.send", send)
    wired("http://127.0.0.1:9")
    save(api)
    command = CallCommand.objects.get()
    assert (command.status, command.answer) == (columns.get("status", "sending"), None)


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        (
            answer("422 No", json.dumps({"errors": [{"code": "10015", "detail": f"{VALUE} is bad"}]}).encode()),
            "refused",
            "Telnyx refused the secret (HTTP 422, code 10015)",
        ),
        (answer("500 Oops", VALUE.encode()), "uncertain", "It may have acted, or not"),
        (b"HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{", "uncertain", "broke"),
        (answer("429 No", b"{}"), "expired", "too many requests"),
    ],
)
def test_what_goes_wrong_is_told_without_the_value(api: APIClient, said: bytes, status: str, words: str) -> None:
    with telnyx_texml(lambda method, path: said) as server:
        wired(server.url)
        told = save(api, **{"Idempotency-Key": "k"}).json()
        assert len(server.requests) == 1
    assert told["status"] == status
    assert words in told["error"]
    assert "save the secret again" in told["error"]
    assert VALUE not in json.dumps(told) + everything_kept()


def test_a_telnyx_that_cannot_be_reached_keeps_no_secret_waiting(api: APIClient) -> None:
    wired("http://127.0.0.1:9")
    assert save(api).json()["status"] == "expired"
    assert sender.due(9) == []
    assert VALUE not in everything_kept()


@pytest.mark.parametrize("body", [{}, {"name": "crm"}, {"name": 1, "value": VALUE}, SECRET | {"values": VALUE}])
def test_what_telnyx_would_not_take_is_refused_without_the_value(api: APIClient, body: dict[str, Any]) -> None:
    wired("http://127.0.0.1:9")
    refused = api.post(f"{URL}secrets/", body, format="json", headers={"Idempotency-Key": "k"})
    assert VALUE not in json.dumps(problem(refused, 400)) + everything_kept()
    assert not CallCommand.objects.exists()


@pytest.mark.parametrize("value", ["•••", "hunter•••"])
def test_dots_are_no_value_and_do_not_replace_the_real_one(api: APIClient, value: str) -> None:
    with telnyx_texml() as server:
        wired(server.url)
        refused = api.post(f"{URL}secrets/", {"name": "pbx", "value": value}, format="json")
        assert server.requests == []
    assert set(problem(refused, 400)["errors"]) == {"value"}
    assert not CallCommand.objects.exists()


def test_a_process_that_died_meanwhile_leaves_it_uncertain_and_nobody_sends_it(api: APIClient) -> None:
    with telnyx_texml() as server:
        wired(server.url)
        save(api)
        CallCommand.objects.update(status="sending", lease_until=ago(1), finished_at=None)
        sender.send(CallCommand.objects.get().pk)
        assert len(server.requests) == 1
    assert CallCommand.objects.get().status == "uncertain"


def test_an_uncertain_one_is_not_sent_again_for_a_person(api: APIClient) -> None:
    with telnyx_texml(lambda method, path: answer("500 Oops", b"{}")) as server:
        wired(server.url)
        command = save(api).json()
        body = {"verdict": "send_again"}
        refused = api.post(f"/api/v1/commands/{command['id']}/settle/", body, format="json")
        assert "save the secret again" in problem(refused, 409)["detail"]
        assert len(server.requests) == 1
    assert (CallCommand.objects.count(), reconciliation.unsettled().count()) == (1, 1)
    settled = api.post(f"/api/v1/commands/{command['id']}/settle/", {"verdict": "it_did_not"}, format="json")
    assert settled.json()["status"] == "expired"


def test_who_may_not_change_applications_saves_none_by_any_door(user_with: Any) -> None:
    account = make_account()
    with pytest.raises(PortalRefusal, match="change_texmlapplication"):
        secrets.save(account, SECRET, Actor("user: ada", user_with("voice.control_call")))
    assert not CallCommand.objects.exists()
