"""Shows on top of a call's page why it ended, or that it is on the line, with what one does with that next."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from voice.call_page import session as sessions
from voice.call_page import summary
from voice.explanations import card
from voice.models import Call

_AROUND = timedelta(minutes=30)
_MOST_COUNTED = 1000


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw the card."""
    session = sessions.of(request, call)
    context: dict[str, Any] = {"call": session.call, "session": session, "summary": summary.of(session)}
    context["bundle"] = reverse("admin:voice_call_bundle", args=[call.pk])
    if session.is_over:
        context |= card.drawn(session.verdict, request.user) | {"same": same_endings(session.call)}
    if session.is_over and session.first.pk != call.pk:  # support asks of the call, whichever leg they came by
        context |= {
            "whole": session.verdicts[session.first.pk],
            "first": reverse("admin:voice_call_change", args=[session.first.pk]),
        }
    return render_to_string("voice/call_page/verdict.html", context, request)


def same_endings(call: Call) -> dict[str, Any] | None:
    """Count the calls of the application that ended alike in the hour around this one, and lead to their list.

    None while it is not judged, or of no application. More than a thousand are not counted.
    """
    if not call.ending_category or not call.connection_id:
        return None
    minute = call.started_at.replace(second=0, microsecond=0)
    begin, end = minute - _AROUND, minute + _AROUND
    alike = Call.objects.filter(
        account=call.account_id,
        connection_id=call.connection_id,
        started_at__gte=begin,
        started_at__lte=end,
        ending_category=call.ending_category,
    )
    count = alike.order_by()[: _MOST_COUNTED + 1].count()
    return {
        "count": f"over {_MOST_COUNTED:,}" if count > _MOST_COUNTED else str(count),
        "is_alone": count <= 1,
        "url": f"{reverse('admin:voice_call_changelist')}?{urlencode(_filters(call, begin, end))}",
    }


def _filters(call: Call, begin: datetime, end: datetime) -> dict[str, str]:
    """Word the same rows in the parameters of the call list, whose times are the viewer's."""
    begin, end = timezone.localtime(begin), timezone.localtime(end)
    return {
        "account__id__exact": str(call.account_id),
        "connection_id": call.connection_id,
        "ending_category__exact": call.ending_category,
        "started_at_from_0": f"{begin:%Y-%m-%d}",
        "started_at_from_1": f"{begin:%H:%M:%S}",
        "started_at_to_0": f"{end:%Y-%m-%d}",
        "started_at_to_1": f"{end:%H:%M:%S}",
    }
