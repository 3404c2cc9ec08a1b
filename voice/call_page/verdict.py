"""Shows on top of a call's page why it ended, or that it is on the line, with what one does with that next."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from voice.call_log import query
from voice.call_log.language import tokens
from voice.call_log.language.tokens import Token
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
        context |= card.drawn(session.verdict, request.user) | {"same": same_endings(session.call, request.user)}
    if session.is_over and session.first.pk != call.pk:  # support asks of the call, whichever leg they came by
        context |= {
            "whole": session.verdicts[session.first.pk],
            "first": reverse("admin:voice_call_change", args=[session.first.pk]),
        }
    return render_to_string("voice/call_page/verdict.html", context, request)


def same_endings(call: Call, user: Any) -> dict[str, Any] | None:
    """Count the calls of the application that ended alike in the hour around this one, and lead to their list.

    None while it is not judged, or of no application. More than a thousand are not counted.
    """
    if not call.ending_category or not call.connection_id:
        return None
    minute = call.started_at.replace(second=0, microsecond=0)
    asked = tokens.write(
        [
            Token("account", call.account.name),
            Token("app", call.connection_id),
            Token("ending", call.ending_category),
            Token("since", _moment(minute - _AROUND)),
            Token("until", _moment(minute + _AROUND)),
            Token("rows", "legs"),
        ]
    )
    count = query.read(asked, user).calls().order_by()[: _MOST_COUNTED + 1].count()
    return {
        "count": f"over {_MOST_COUNTED:,}" if count > _MOST_COUNTED else str(count),
        "is_alone": count <= 1,
        "url": query.address(asked),
    }


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
