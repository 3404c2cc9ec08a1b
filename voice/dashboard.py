"""Collects what the home page shows, and the numbers of health and metrics."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from applications.models import Pull, TelnyxApplication, TexmlApplication
from portal.admin import navigation
from portal.texts import pluralised
from voice.alerts import rounds
from voice.catalogue.event_types import ending
from voice.dispatch import circuit_breaker, reconciliation, sender
from voice.inbox.last_heard import last_heard
from voice.inbox.undelivered import failures
from voice.models import Call, CallEvent, Flow
from voice.reports import home as calls

_HOURS = 24
_ENDINGS = 6  # told of an application


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fill the home page, as Unfold's dashboard callback. Each part only for who may see the rows it is made of."""
    user = request.user
    if user.has_perm("voice.view_alert"):
        context["alerts"] = rounds.open_unmuted()
    if user.has_perm("voice.view_call"):
        context |= {"live_calls": _live(), "calls": calls.of(user)}
    if user.has_perm("voice.view_callevent") and user.has_perm("voice.view_callcommand"):
        context["backlog"], context["breakers"] = backlog(), circuit_breaker.not_closed()
    if user.has_perm("applications.view_pull"):
        context["last_pull"] = Pull.objects.select_related("account").first()
    return context


def application_panel(request: HttpRequest, application: TelnyxApplication) -> SafeString:
    """Draw voice's part of an application's page: flow, latest calls, when last heard, a way to dial; TeXML's lists."""
    user: Any = request.user
    is_texml = isinstance(application, TexmlApplication)
    context: dict[str, Any] = {"application": application, "dial": dial_address(request, application)}
    context |= {
        "is_texml": is_texml,
        "texml_lists": navigation.texml_lists(user, application.account) if is_texml else [],
    }
    here = {"account": application.account_id, "connection_id": application.telnyx_id}
    if user.has_perm("voice.view_flow"):
        context |= {"may_see_flows": True, "flow": Flow.objects.filter(**here, active=True).first()}
    if user.has_perm("voice.view_call"):
        calls = Call.objects.filter(**here).order_by("-started_at", "-id").defer("facts")
        context |= {"may_see_calls": True, "calls": list(calls[:5])}
        context["live"] = Call.objects.alive().filter(**here).count()
        context["day"] = calls_of_a_day(here)
    if user.has_perm("voice.view_callevent"):
        context |= {"failures": failures(application), "heard": last_heard(application)}
    return render_to_string("voice/application_panel.html", context, request)


def dial_address(request: HttpRequest, application: TelnyxApplication) -> str:
    """Return where this person begins a call from an application; nothing where they may not, or it cannot be."""
    is_texml = isinstance(application, TexmlApplication)
    may_dial = request.user.has_perm("voice.dial") and application.missing_since is None
    can_dial = application.active is not False if is_texml else bool(getattr(application, application.url_field))
    page = reverse(f"admin:{'voice_texml_dial' if is_texml else 'voice_call_dial'}")
    return f"{page}?{urlencode({'application': application.telnyx_id})}" if may_dial and can_dial else ""


def application_dependents(application: TelnyxApplication) -> list[str]:
    """List what of this app hangs on an application, as sentences, whether or not the person may see the rows."""
    here = {"account": application.account_id, "connection_id": application.telnyx_id}
    flow = Flow.objects.filter(**here, active=True).first()
    live = Call.objects.alive().filter(**here).count()
    sentences = [f"The flow “{flow}” answers its calls; it would never run again."] if flow else []
    if live:
        which = pluralised(live, "call is", "calls are")
        sentences.append(f"{which} live in it now; nobody would hear of their events.")
    return sentences


def backlog() -> dict[str, int]:
    """Count what is due and what needs a person, by name. Each is a partial-index count."""
    events = CallEvent.objects
    return {
        "events_received": events.filter(status=CallEvent.Status.RECEIVED).count(),
        "events_dead": events.filter(status=CallEvent.Status.DEAD).count(),
        "events_quarantined": events.filter(status=CallEvent.Status.QUARANTINED).count(),
        "commands_owed": sender.owed().count(),
        "commands_uncertain": reconciliation.unsettled().count(),
        "commands_undecided": reconciliation.for_a_person().count(),
        "breakers_open": len(circuit_breaker.not_closed()),
    }


def _live() -> dict[str, Any]:
    alive = Call.objects.alive()
    return {"count": alive.count(), "calls": list(alive.select_related("account")[:8])}


def calls_of_a_day(here: dict[str, Any]) -> dict[str, Any]:
    """Count the calls of the last 24 hours among those of ``here``, and how they ended; ``more``: in others, too."""
    since = timezone.now() - timedelta(hours=_HOURS)
    count, endings = Call.objects.filter(**here, started_at__gte=since).count(), _endings(since, **here)
    return {"count": count, "endings": endings[:_ENDINGS], "more": len(endings) > _ENDINGS}


def _endings(since: datetime, **here: Any) -> list[dict[str, Any]]:
    ended = Call.objects.filter(**here, started_at__gte=since, state=Call.State.ENDED)
    rows = ended.values("hangup_cause", "hangup_source")
    counted = Counter[str]()  # by its words: where no cause is told, and of unknown sources, several are told alike
    for row in rows.annotate(n=Count("id")).order_by("-n"):
        counted[ending(row["hangup_cause"], row["hangup_source"]) or "No cause given"] += row["n"]
    return [{"words": words, "count": count} for words, count in counted.most_common(_ENDINGS + 1)]
