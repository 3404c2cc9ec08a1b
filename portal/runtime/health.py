"""Tells whether the portal is alive, is ready, and how it is doing: ``/livez``, ``/readyz``, ``/metrics``."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated

from portal import sql
from portal.models import Heartbeat
from portal.rest.authentication import CHALLENGE, bearer_token
from portal.rest.problems import problem
from portal.runtime.wakeups import dropped

_migrated = False


def _only_read(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Answer 405 as a problem to all but GET and HEAD; Django's CSRF page would come before its own 405."""

    @csrf_exempt
    @wraps(view)
    def read(request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return view(request)
        message, request_id = "This address is only read.", getattr(request, "request_id", "")
        answer = problem(405, message, "method_not_allowed", request_id)
        answer["Allow"] = "GET, HEAD"
        return answer

    return read


@_only_read
def livez(request: HttpRequest) -> HttpResponse:
    """Answer 200 while the process answers at all."""
    return JsonResponse({"status": "ok"})


@_only_read
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 503 only when the database is away or a migration is missing; backlog and heartbeats are only told."""
    try:
        pending = _pending_migrations()
        body = {"status": "ok", "backlog": _backlog(), "heartbeats_seconds_ago": _heartbeats()} if not pending else {}
    except DatabaseError:
        return JsonResponse({"status": "the database cannot be reached"}, status=503)
    if pending:
        return JsonResponse({"status": "migrations are missing", "missing": pending}, status=503)
    return JsonResponse(body)


@_only_read
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with Prometheus text, for a token with the scope ``metrics:read`` whose user may see heartbeats."""
    request_id = getattr(request, "request_id", "")
    try:
        token = bearer_token(request)
        if token is None:
            raise NotAuthenticated("Metrics need a token.")
    except (AuthenticationFailed, NotAuthenticated) as failed:
        answer = problem(401, str(failed.detail), failed.default_code, request_id)
        answer["WWW-Authenticate"] = CHALLENGE
        return answer
    if not token.allows("metrics:read"):
        return problem(403, "The token lacks the scope metrics:read.", "permission_denied", request_id)
    if not token.user.has_perm("portal.view_heartbeat"):
        lacks = "The token's user lacks the permission portal.view_heartbeat."
        return problem(403, lacks, "permission_denied", request_id)
    token.mark_used()
    registry = CollectorRegistry()
    registry.register(_Gauges())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Gauges:
    """Reads the figures from the database when asked, so that any number of web processes tell the same."""

    def collect(self) -> Any:
        backlog = GaugeMetricFamily("portal_backlog", "Rows by what is owed or stuck", labels=["what"])
        for what, count in _backlog().items():
            backlog.add_metric([what], count)
        beats = GaugeMetricFamily("portal_heartbeat_age_seconds", "Since a process was last heard", labels=["process"])
        for name, age in _heartbeats().items():
            beats.add_metric([name], age)
        alerts = GaugeMetricFamily("portal_alerts_open", "Alerts that are open, muted ones too", labels=["kind"])
        for kind, count in _alerts().items():
            alerts.add_metric([kind], count)
        yield backlog
        yield beats
        yield alerts
        wakeups = GaugeMetricFamily("portal_wakeups_dropped", "Wake-ups this host dropped, by whom", labels=["by"])
        for by, count in dropped().items():
            wakeups.add_metric([by], count)
        yield wakeups


def _backlog() -> dict[str, int]:
    counts: dict[str, int] = import_string(settings.BACKLOG)()
    return counts


def _alerts() -> dict[str, int]:
    counts: dict[str, int] = import_string(settings.OPEN_ALERTS)()
    return counts


def _heartbeats() -> dict[str, float]:
    now = sql.clock()
    return {row.name: round((now - row.at).total_seconds(), 1) for row in Heartbeat.objects.all()}


def _pending_migrations() -> list[str]:
    global _migrated  # noqa: PLW0603  reading every migration file takes 50 ms, and what is applied stays applied
    if not _migrated or settings.DEBUG:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            return [str(migration) for migration, _ in plan]
        _migrated = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return []
