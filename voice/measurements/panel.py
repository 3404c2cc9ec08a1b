"""Shows on a call's page its sound, how far the caller is vouched for, and its price."""

from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from applications.kinds import KINDS
from voice.measurements import wording
from voice.models import Call


def panel(request: HttpRequest, call: Call) -> SafeString:
    """Draw quality, trust and cost."""
    user: Any = request.user
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
