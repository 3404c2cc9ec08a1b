"""Finds what leads to a document: applications that fetch it, other documents, flows."""

from dataclasses import dataclass

from django.db.models import F, Q, TextField
from django.db.models.functions import Cast

from applications.models import CallControlApplication, TexmlApplication
from voice.models import Rule, TexmlDocument, TexmlVersion

_FIELDS = ("voice_url", "voice_fallback_url", "status_callback")


@dataclass(frozen=True)
class Use:
    """Says where a document's address stands. ``problem`` is why that does not work, empty if it does."""

    kind: str
    id: str
    name: str
    where: str
    problem: str = ""


def used_by(document: TexmlDocument) -> list[Use]:
    """List what leads to the document, of whatever account."""
    part = f"/texml/{document.token}/"
    return [*_of_applications(part), *_of_documents(document, part), *_of_flows(part)]


def _of_applications(part: str) -> list[Use]:
    found = Q()
    for field in _FIELDS:
        found |= Q(**{f"{field}__contains": part})
    uses = [
        Use("TeXML application", row.telnyx_id, row.name, field)
        for row in TexmlApplication.objects.filter(found, missing_since=None)[:500]
        for field in _FIELDS
        if part in getattr(row, field)
    ]
    addresses = Q(webhook_event_url__contains=part) | Q(webhook_event_failover_url__contains=part)
    why = "It sends JSON events, and reads no document: it has to be a TeXML application."
    return uses + [
        Use("Call Control application", row.telnyx_id, row.name, "webhook_event_url", why)
        for row in CallControlApplication.objects.filter(addresses, missing_since=None)[:500]
    ]


def _of_documents(document: TexmlDocument, part: str) -> list[Use]:
    others = TexmlDocument.objects.exclude(pk=document.pk).defer("draft")
    drafts = {row.pk: row for row in others.filter(draft__contains=part)[:500]}
    served_now = TexmlVersion.objects.filter(source__contains=part, number=F("document__published"))
    served = {row.pk: row for row in others.filter(pk__in=served_now.values("document"))[:500]}
    return [
        Use("document", str(pk), row.name, " and ".join(_places(pk in served, pk in drafts)))
        for pk, row in sorted((drafts | served).items(), key=lambda item: item[1].name)
    ]


def _places(is_served: bool, is_in_draft: bool) -> list[str]:
    return ["published version"] * is_served + ["draft"] * is_in_draft


def _of_flows(part: str) -> list[Use]:
    rules = Rule.objects.annotate(as_text=Cast("do", TextField())).filter(as_text__contains=part)
    return [
        Use("flow", str(rule.flow_id), rule.flow.name, f"rule #{rule.position + 1}")
        for rule in rules.select_related("flow")[:500]
    ]
