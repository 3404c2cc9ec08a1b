"""Finds what leads to a document: applications that fetch it, other documents, flows."""

from dataclasses import dataclass

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, TextField
from django.db.models.functions import Cast

from applications.models import CallControlApplication, TexmlApplication
from voice.models import Rule, TexmlDocument, TexmlVersion

MOST = 500  # of each kind
_FIELDS = ("voice_url", "voice_fallback_url", "status_callback")


@dataclass(frozen=True)
class Use:
    """Says where a document's address stands. ``problem`` is why that does not work, empty if it does."""

    kind: str
    id: str
    name: str
    where: str
    problem: str = ""


@dataclass(frozen=True)
class Uses:
    """Lists what leads to a document, at most ``MOST`` of each kind; ``complete``: there is no more."""

    listed: list[Use]
    complete: bool


def used_by(document: TexmlDocument) -> Uses:
    """List what leads to the document, of whatever account."""
    part = f"/texml/{document.token}/"
    kinds = (_of_texml(part), _of_call_control(part), _of_documents(document, part), _of_flows(part))
    return Uses([use for uses in kinds for use in uses[:MOST]], all(len(uses) <= MOST for uses in kinds))


def _of_texml(part: str) -> list[Use]:
    found = Q()
    for field in _FIELDS:
        found |= Q(**{f"{field}__contains": part})
    return [
        Use("TeXML application", row.telnyx_id, row.name, field)
        for row in TexmlApplication.objects.filter(found, missing_since=None)[: MOST + 1]
        for field in _FIELDS
        if part in getattr(row, field)
    ]


def _of_call_control(part: str) -> list[Use]:
    addresses = Q(webhook_event_url__contains=part) | Q(webhook_event_failover_url__contains=part)
    why = "It sends JSON events, and reads no document: it has to be a TeXML application."
    return [
        Use("Call Control application", row.telnyx_id, row.name, field, why)
        for row in CallControlApplication.objects.filter(addresses, missing_since=None)[: MOST + 1]
        for field in ("webhook_event_url", "webhook_event_failover_url")
        if part in getattr(row, field)
    ]


def _of_documents(document: TexmlDocument, part: str) -> list[Use]:
    draft = ExpressionWrapper(Q(draft__contains=part), BooleanField())
    served_now = TexmlVersion.objects.filter(document=OuterRef("pk"), number=OuterRef("published"))
    others = TexmlDocument.objects.exclude(pk=document.pk).defer("draft")
    rows = others.annotate(is_in_draft=draft, is_served=Exists(served_now.filter(source__contains=part)))
    return [
        Use("document", str(row.pk), row.name, " and ".join(_places(row.is_served, row.is_in_draft)))
        for row in rows.filter(Q(is_in_draft=True) | Q(is_served=True)).order_by("name", "id")[: MOST + 1]
    ]


def _places(is_served: bool, is_in_draft: bool) -> list[str]:
    return ["published version"] * is_served + ["draft"] * is_in_draft


def _of_flows(part: str) -> list[Use]:
    rules = Rule.objects.annotate(as_text=Cast("do", TextField())).filter(as_text__contains=part)
    return [
        Use("flow", str(rule.flow_id), rule.flow.name, f"rule #{rule.position + 1}")
        for rule in rules.select_related("flow")[: MOST + 1]
    ]
