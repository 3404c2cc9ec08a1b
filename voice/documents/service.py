"""Saves, publishes, rolls back and copies TeXML documents: the only writer of them, for admin, REST and files."""

from collections.abc import Iterable
from dataclasses import replace

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F

from portal import sql
from portal.actors import Actor
from portal.masking import hides_something
from portal.models import AuditEvent
from portal.refusals import PortalRefusal
from portal.texml.findings import Finding
from portal.texml.judging import destinations, linter
from portal.texml.judging.rules.context import Surroundings
from portal.texml.templates import TemplateError
from voice.catalogue import texml_documents
from voice.dialling import limits, rights
from voice.documents import cases, copies, serving, usage
from voice.models import TexmlDocument, TexmlVersion, digest_of

_EDITED = ("name", "draft", "variables", "apology", "signature", "updated_at")
_SHOWN_MASKED = ("draft", "variables", "apology")
_HIDDEN = "It has a number that was hidden when it was read (•••). Enter that number whole."
_UNPUBLISHED = "is not published"
_MOST_OTHERS = 5000
_NAMED = 10  # of what leads to a document that stays
_GRAVE = {"fatal", "error"}


class Changed(PortalRefusal):
    """Says that somebody else saved the document since it was read; nothing was written."""

    code = "changed"

    def __init__(self) -> None:
        super().__init__("Somebody else changed this document since you read it. Read it again; nothing was saved.")


class Unfit(ValidationError):
    """Says that the draft is not published: ``findings`` are its errors, or warnings that nobody confirmed."""

    def __init__(self, findings: Iterable[Finding], words: str) -> None:
        self.findings = list(findings)
        said = [f"Line {one.line}, column {one.column}: {one.rule} {one.message}" for one in self.findings]
        super().__init__({"draft": [words, *said]})


def save_document(document: TexmlDocument, actor: Actor, expected: str | None = None) -> TexmlDocument:
    """Save name, draft, variables, apology and signature switch. What is served stays as it is.

    ``expected`` is the digest that the person saw: ``Changed`` if it is another one now. ``ValidationError`` by field.
    """
    made = document._state.adding
    check(document)
    try:
        with transaction.atomic():
            if not made:
                _held(document, expected)
            document.save(update_fields=None if made else _EDITED)  # a fetch may write the others at this moment
            AuditEvent.note(actor, "document.create" if made else "document.update", document)
    except IntegrityError:
        check(document)  # somebody took the name meanwhile
        raise
    if not made and document.published:
        transaction.on_commit(lambda: copies.keep(document))  # the signature switch holds without a database, too
    return document


def check(document: TexmlDocument) -> None:
    """Raise ``ValidationError`` by field for what cannot be saved. A draft may be wrong, but not have lost a number."""
    document.full_clean()
    if hidden := [name for name in _SHOWN_MASKED if hides_something(getattr(document, name))]:
        raise ValidationError(dict.fromkeys(hidden, _HIDDEN))


def findings(document: TexmlDocument) -> list[Finding]:
    """List what the linter says of the draft: by itself, and with the other documents of its account."""
    alone = linter.lint_template(document.draft, Surroundings(variables=frozenset(document.variables)))
    return sorted({*alone, *_between(document)})


def publish(
    document: TexmlDocument, actor: Actor, *, note: str = "", confirmed: bool = False, expected: str | None = None
) -> TexmlVersion:
    """Publish the draft as the next version: when this returns, every process serves it.

    ``Unfit`` for errors, and for warnings unless ``confirmed``; ``CasesFail`` when a test case expects something else;
    ``PortalRefusal`` for what the actor may not have a call do by hand; ``Changed`` as in ``save_document``.
    """
    found = findings(document)
    if errors := [one for one in found if one.level in _GRAVE]:
        raise Unfit(errors, "A document with errors is not published.")
    if not confirmed and (warnings := [one for one in found if one.level == "warning"]):
        raise Unfit(warnings, "Confirm these warnings, or mend them.")
    cases.demand(document)
    _demand(document, document.draft, actor)
    seen = document.digest
    if expected not in (None, seen):
        raise Changed
    with transaction.atomic():
        held = _held(document, seen)  # what was judged is what is published
        version = _added(held, actor, held.draft, held.variables, held.apology, note, found)
    return _served(document, version)


def roll_back(
    document: TexmlDocument, number: int, actor: Actor, *, note: str = "", expected: str | None = None
) -> TexmlVersion:
    """Publish an earlier version again, under a new number. The draft stays. ``ValidationError`` when there is none.

    ``Changed`` as in ``save_document``.
    """
    old = document.versions.filter(number=number).first()
    if old is None:
        raise ValidationError({"version": [f"There is no version {number}."]})
    _demand(document, old.source, actor)
    kept = [Finding(**one) for one in old.findings]
    with transaction.atomic():
        held = _held(document, expected)
        version = _added(held, actor, old.source, old.variables, old.apology, note, kept, copy_of=number)
    return _served(document, version)


def copy(document: TexmlDocument, name: str, actor: Actor) -> TexmlDocument:
    """Make a document of another name with the same draft; it is not published, and has its own address."""
    same = ("draft", "variables", "apology")
    made = TexmlDocument(account=document.account, name=name, **{field: getattr(document, field) for field in same})
    return save_document(made, actor)


def delete_document(document: TexmlDocument, actor: Actor, expected: str | None = None) -> None:
    """Delete it with its versions and its log. ``ValidationError`` while something leads to it.

    ``Changed`` as in ``save_document``.
    """
    if used := usage.used_by(document).listed:
        words = "; ".join(f"{one.kind} {one.name}: {one.where}" for one in used[:_NAMED])
        words += "; and more" if used[_NAMED:] else ""
        raise ValidationError({"document": [f"It is in use ({words}). Callers would hear nothing any more."]})
    with transaction.atomic():
        if expected is not None:
            _held(document, expected)
        if TexmlDocument.objects.filter(pk=document.pk).delete()[0]:
            AuditEvent.note(actor, "document.delete", document)
    copies.forget(document.token)


def _held(document: TexmlDocument, expected: str | None = None) -> TexmlDocument:
    held = TexmlDocument.objects.select_for_update(of=("self",), no_key=True).filter(pk=document.pk).first()
    if held is None or (expected is not None and held.digest != expected):
        raise Changed
    return held


def _added(
    held: TexmlDocument,
    actor: Actor,
    source: str,
    variables: dict[str, str],
    apology: str,
    note: str,
    found: list[Finding],
    copy_of: int | None = None,
) -> TexmlVersion:
    last = held.versions.order_by("-number").values_list("number", flat=True).first() or 0
    version = TexmlVersion(
        document=held,
        number=last + 1,
        source=source,
        variables=variables,
        apology=apology,
        note=note,
        author=sql.cut(TexmlVersion, "author", actor.label),  # it may name a folder
        findings=[one.as_json() for one in found],
        digest=digest_of(source, variables, apology),
        copy_of=copy_of,
    )
    version.full_clean(exclude=["document"])
    version.save()
    TexmlDocument.objects.filter(pk=held.pk).update(published=version.number)
    details = {"version": version.number} | ({"copy_of": copy_of} if copy_of else {})
    AuditEvent.note(actor, "document.roll_back" if copy_of else "document.publish", held, **details)
    return version


def _served(document: TexmlDocument, version: TexmlVersion) -> TexmlVersion:
    document.published = version.number
    copies.keep(document)  # before anybody is told that it is published: it holds without a database, too
    return version


def _between(document: TexmlDocument) -> list[Finding]:
    others = TexmlDocument.objects.exclude(pk=document.pk).only("token", "account", "published")[:_MOST_OTHERS]
    ours = TexmlVersion.objects.filter(document__account=document.account_id, number=F("document__published"))
    sources = dict(ours.exclude(document=document.pk).values_list("document", "source"))
    published = {one.url: sources[one.pk] for one in others if one.pk in sources}
    absent = {
        one.url: _UNPUBLISHED if one.account_id == document.account_id else "is of another account"
        for one in others
        if one.pk not in sources
    }
    if "fallback/" in document.draft:  # each has one more address, which says its apology
        apology = serving.apologise("")
        published |= {f"{url}fallback/": apology for url in (*published, document.url)}
        absent |= {f"{url}fallback/": why for url, why in absent.items()}
    hosted = document.url.partition(document.token)[0]
    found = linter.lint_together(published | {document.url: document.draft}, hosted=hosted, absent=absent)
    return [
        # two that lead to each other could else never be published
        replace(one, level="warning") if one.rule == "F10" and _UNPUBLISHED in one.message else one
        for one in found.get(document.url, [])
    ]


def _demand(document: TexmlDocument, source: str, actor: Actor) -> None:
    """Refuse what the actor may not do by hand, and what the account's limits forbid: Telnyx asks nobody later.

    That is asked of all that the document can say, whichever sections a fetch chooses.
    """
    try:
        judged = destinations.judged(source)
    except TemplateError as error:
        raise Unfit([error.finding], "A document with errors is not published.") from None
    for one in judged:
        rights.demand_for_document(actor, document.account, one)
    held = limits.limits_for(document.account, actor.token)
    numbers = dict.fromkeys(number for one in judged for _, number in texml_documents.called(one))
    if why := [words for number in numbers if (words := limits.refusal(held, number))]:
        raise ValidationError({"draft": list(dict.fromkeys(why))})
