"""Shows on a call's page its sound, how far the caller is vouched for, its price, and how late anything came."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from applications.kinds import KINDS
from voice.measurements import delivery, wording
from voice.models import Call


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw quality, trust and cost; the delivery for who may see events or commands."""
    user: Any = request.user
    events, more_events = delivery.webhooks(call) if user.has_perm("voice.view_callevent") else ([], 0)
    sent, more_sent = delivery.commands(call, user) if user.has_perm("voice.view_callcommand") else ([], 0)
    context = {
        "call": call,
        "mos": wording.mos(call.mos) if call.mos is not None else None,
        "mos_share": wording.mos_share(call.mos) if call.mos is not None else 0,
        "loss_in": wording.loss(call.loss_in),
        "loss_out": wording.loss(call.loss_out),
        "attestation": wording.attestation(call),
        "screening": wording.screening(call),
        "cost": wording.money(call.cost, call.currency) if call.cost else "",
        "parts": wording.parts(call),
        "webhooks": events,
        "more_webhooks": more_events,
        "lateness": wording.lateness([one.delay for one in events if one.delay is not None]),
        "again": sum((one.attempt or 1) > 1 for one in events),
        "recovered": sum(bool(one.origin) for one in events),
        "commands": sent,
        "more_commands": more_sent,
        "waits": sum(bool(one.waited and one.waited > 1) for one in sent),
    }
    return SafeString(render_to_string("voice/measurements/panel.html", context | _no_cost(call, user), request))


def _no_cost(call: Call, user: Any) -> dict[str, Any]:
    """Say why no price is told, with the way to the setting for who may change it."""
    if call.cost:
        return {}
    for kind in KINDS:
        row = kind.rows(call.account).filter(telnyx_id=call.connection_id).first() if call.connection_id else None
        if row is not None:
            why, by_setting = wording.why_no_cost(call, row)
            may_change = by_setting and user.has_perm(kind.permission("change"))
            name = f"admin:applications_{row._meta.model_name}_change"
            return {"no_cost": why, "cost_setting": reverse(name, args=[row.pk]) if may_change else ""}
    return {"no_cost": wording.why_no_cost(call, None)[0], "cost_setting": ""}
