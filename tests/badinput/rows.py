"""One row of everything, so that every address of the API and of the admin has something to show."""

import re
import uuid
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from applications.kinds import KINDS
from applications.models import Pull
from portal.models import TelnyxAccount
from portal.sandbox.resources.audit import ORGANIZATION
from tests.support.factories import make_call, make_flow
from voice.dialling import limits
from voice.models import (
    Alert,
    Call,
    CallCommand,
    CallEvent,
    CallExport,
    CallNote,
    CallTag,
    Conference,
    Contact,
    DialBatch,
    Flow,
    Limits,
    Recording,
    Stop,
    Suspension,
    TexmlCase,
    TexmlDocument,
    TexmlVersion,
)

NUMBER_ID, QUEUE, LEG = "1293384261075731499", "support", "row"
_OURS = ("portal", "applications", "voice")


def one_of_each(account: TelnyxAccount, user: User) -> dict[type[models.Model], Any]:
    """A row of each model of ours, and of users and groups, by model."""
    account.found_account_sid = account.owner = ORGANIZATION  # remembered from before: the first read would write it
    account.save()
    call = make_call(account, LEG)
    flow = make_flow(account, {"event_type": "call.initiated", "do": [{"action": "answer"}]})
    made: dict[type[models.Model], Any] = {type(account): account, User: user, type(call): call, type(flow): flow}
    conference = Conference(account=account, conference_id=str(uuid.uuid4()), started_at=timezone.now())
    conference.save()
    made[Conference] = conference
    made[Limits] = limits.of_account(account)
    for model in apps.get_models():
        if model._meta.app_label in _OURS or model._meta.label == "auth.Group":
            _row(model, made)
    return made


def _row(model: type[models.Model], made: dict[type[models.Model], Any]) -> Any:
    if model not in made:
        values = {field.name: _value(field, made) for field in model._meta.concrete_fields if _is_needed(field)}
        made[model] = model._default_manager.first() or model._default_manager.create(**values)
    return made[model]


def _is_needed(field: Any) -> bool:
    by_itself = (
        isinstance(field, models.AutoField) or getattr(field, "auto_now", 0) or getattr(field, "auto_now_add", 0)
    )
    if by_itself or field.has_default():
        return False
    if field.model is Suspension and field.name == "connection_id":  # of all the account it would refuse what follows
        return True
    return not field.null and (not field.blank or not isinstance(field, models.CharField | models.TextField))


def _value(field: Any, made: dict[type[models.Model], Any]) -> Any:
    if isinstance(field, models.ForeignKey):
        return _row(field.related_model, made)
    if field.model is Alert and field.name == "kind":  # what checks are registered, and no choices of the column
        return "dead_events"
    if field.model is TexmlCase and field.name == "steps":
        return [{"do": "call", "lines": []}]
    if field.choices:
        return field.choices[0][0]
    kinds: dict[type[Any], Any] = {
        models.DateTimeField: timezone.now(),
        models.BooleanField: False,
        models.FloatField: 1.0,
        models.IntegerField: 1,
        models.BinaryField: b"{}",
        models.UUIDField: uuid.uuid4(),
        models.JSONField: {},
    }
    return next(
        (value for kind, value in kinds.items() if isinstance(field, kind)),
        f"{field.name}-of-a-row"[: field.max_length],
    )


def address(path: str, made: dict[Any, Any], **instead: str) -> str:
    """``path`` of the OpenAPI document, its parameters filled in by what there is, or by what stands ``instead``."""
    known = members(path, made) | instead
    return re.sub(r"{(\w+)}", lambda found: str(known[found[1]]), path)


def members(path: str, made: dict[Any, Any]) -> dict[str, Any]:
    """What the parameters in ``path`` are for the rows that there are."""
    call, conference = made[Call], made[Conference]
    of_kind = {
        "call-control-applications": made[KINDS[0].model].telnyx_id,
        "texml-applications": made[KINDS[1].model].telnyx_id,
        "call-events": made[CallEvent].pk,
        "commands": made[CallCommand].pk,
        "dial-batches": made[DialBatch].pk,
        "flows": made[Flow].pk,
        "pulls": made[Pull].pk,
        "alerts": made[Alert].pk,
        "exports": made[CallExport].pk,
        "contacts": made[Contact].pk,
        "recordings": made[Recording].pk,
        "stops": made[Stop].pk,
        "suspensions": made[Suspension].pk,
        "texml": made[TexmlDocument].pk,
    }
    return {
        "id": made[CallNote].pk if "/notes/" in path else of_kind.get(path.split("/")[3], "none"),
        "name": made[CallTag].name if "/tags/" in path else call.account.name,
        "call_control_id": call.call_control_id,
        "call_session_id": call.call_session_id,
        "conference_id": conference.conference_id,
        "participant_id": call.call_control_id,
        "queue_name": QUEUE,
        "call_sid": call.call_control_id,
        "conference_sid": conference.conference_id,
        "participant": call.call_control_id,
        "queue_sid": QUEUE,
        **dict.fromkeys(("recording_sid", "siprec_sid", "streaming_sid", "transcription_sid"), NUMBER_ID),
        "number_id": NUMBER_ID,
        "number": made[TexmlVersion].number,
        "case_id": made[TexmlCase].pk,
    }


def contents() -> dict[str, list[Any]]:
    """Every row of ours, whole, but for what being asked itself leaves: that a token was used, that a page was read."""
    kept = [model for model in apps.get_models() if model._meta.app_label in _OURS]
    return {
        model._meta.label: sorted(map(repr, model._default_manager.values_list()))
        for model in kept
        if model._meta.label not in {"portal.ApiToken", "portal.AuditEvent", "voice.LiveListing"}
    }
