"""Is it alive, is it ready, how is it doing."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from portal.models import ApiToken, Heartbeat
from portal.runtime import health
from portal.runtime.wakeups import count_dropped


def test_livez_asks_no_database(client):
    assert client.get("/livez").json() == {"status": "ok"}


def test_readyz_tells_of_backlog_and_heartbeats(client, db):
    Heartbeat.objects.create(name="sweep", at=timezone.now() - timedelta(minutes=10))
    response = client.get("/readyz")
    assert response.status_code == 200
    body = response.json()
    assert body["status"] == "ok"
    assert body["heartbeats_seconds_ago"]["sweep"] >= 600
    assert isinstance(body["backlog"], dict)


def test_readyz_is_503_while_a_migration_is_missing(client, db, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    MigrationRecorder.Migration.objects.filter(app="voice").delete()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert any("voice." in name for name in response.json()["missing"])
    assert response.json()["status"] == "migrations are missing"


@pytest.mark.parametrize("migrated", [True, False])
def test_readyz_is_503_while_the_database_is_away(client, db, monkeypatch, migrated):
    monkeypatch.setattr(health, "_migrated", migrated)

    def away(*_):
        raise OperationalError("password of postgres refused")

    with connection.execute_wrapper(away):
        response = client.get("/readyz")
    assert response.status_code == 503
    assert "postgres" not in response.content.decode()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_who_asks_for_the_head_alone_is_told_as_well(client, db, path):
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_they_are_only_read(client, db, path):
    assert client.post(path).status_code == 405


@pytest.mark.parametrize(
    ("header", "code", "detail"),
    [
        (None, "not_authenticated", "Metrics need a token."),
        ("Basic b3A6b3A=", "not_authenticated", "Metrics need a token."),
        ("Bearer x", "authentication_failed", "This token is unknown, expired or revoked."),
        ("Bearer ", "authentication_failed", "This token is unknown, expired or revoked."),
    ],
)
def test_metrics_need_a_token_and_say_when_one_is_not_right(client, db, header, code, detail):
    response = client.get("/metrics", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"
    assert response["WWW-Authenticate"] == 'Bearer realm="voice portal"'
    told = response.json()
    assert (told["code"], told["detail"]) == (code, detail)


def test_metrics_refuse_an_expired_and_a_revoked_token(client, operator):
    past = timezone.now() - timedelta(seconds=1)
    _, expired = ApiToken.make(operator, "old", expires_at=past)
    token, revoked = ApiToken.make(operator, "gone")
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=past)
    for text in (expired, revoked):
        assert client.get("/metrics", headers={"Authorization": f"Bearer {text}"}).status_code == 401


def test_metrics_are_prometheus_text(client, operator, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    count_dropped("worker", 3)  # by another process than the one that is asked
    Heartbeat.beat("worker")
    _, text = ApiToken.make(operator, "prometheus")
    response = client.get("/metrics", headers={"Authorization": f"Bearer {text}"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    body = response.content.decode()
    assert "# TYPE portal_backlog gauge" in body
    assert 'portal_heartbeat_age_seconds{process="worker"}' in body
    assert 'portal_wakeups_dropped{by="sender"} 0.0' in body
    assert 'portal_wakeups_dropped{by="worker"} 3.0' in body


def test_metrics_tell_each_figure_of_the_backlog_by_its_name(client, operator):
    _, text = ApiToken.make(operator, "prometheus")
    backlog = client.get("/readyz").json()["backlog"]
    body = client.get("/metrics", headers={"Authorization": f"Bearer {text}"}).content.decode()
    assert backlog
    for what, count in backlog.items():
        assert f'portal_backlog{{what="{what}"}} {float(count)}\n' in body


@pytest.mark.parametrize(
    ("scopes", "permissions", "status"),
    [
        (["metrics:read"], ["portal.view_heartbeat"], 200),
        ([], ["portal.view_heartbeat"], 200),
        (["calls:read", "flows:write"], ["portal.view_heartbeat"], 403),
        (["metrics:read"], ["voice.view_call"], 403),
    ],
)
def test_metrics_take_a_scope_and_a_permission_of_their_own(client, user_with, scopes, permissions, status):
    token, text = ApiToken.make(user_with(*permissions), "monitor", scopes)
    response = client.get("/metrics", headers={"Authorization": f"Bearer {text}"})
    assert response.status_code == status
    token.refresh_from_db()
    assert (token.last_used_at is not None) == (status == 200)
