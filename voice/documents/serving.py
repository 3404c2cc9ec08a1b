"""Finds what a token serves and fills it: by the database, which knows the latest version, or else from disk."""

import re
import threading
import time
import uuid
from dataclasses import dataclass, replace
from functools import lru_cache

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, connections
from django.db.models import Exists, OuterRef

from portal.models import TelnyxAccount
from portal.sql import is_outage
from portal.statement_timeout import statement_timeout
from portal.texml import rendering, templates
from voice.catalogue import texml_documents
from voice.documents import copies, fetch_log
from voice.documents.copies import Published
from voice.models import APOLOGY, Call, Suspension, TexmlDocument, TexmlFetch, TexmlVersion
from voice.suspensions import standing

_LOOK_SECONDS = 1.0  # after which somebody looks whether the database is back
_MOST_KEPT = 5000
_ADDRESS = re.compile(r"/texml/(?P<token>[^/]+)/(?P<fallback>fallback/)?")
_COLUMNS = ("name", "token", "published", "signature", "verified_at", "account__public_key")
_APOLOGY = templates.read("<Response><Say>{{ Words }}</Say></Response>")
_Verdict = TexmlFetch.Verdict
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Found:
    """Holds what is served now. ``account`` is None when it comes from disk: the database is away.

    ``is_held`` says that something of the account is suspended; from disk nobody knows.
    """

    published: Published
    account: TelnyxAccount | None
    is_held: bool = False


@dataclass(frozen=True)
class Answer:
    """Holds the document as it is sent, what came of filling it, and why that failed."""

    body: str
    verdict: str
    problem: str = ""


def find(token: str) -> Found | None:
    """Find what is published under the token now; None when nothing is."""
    if not database.is_away:
        try:
            return _in_database(token)
        except (DatabaseError, InterfaceError) as error:
            database.failed(error)
    published = copies.read(token)
    return Found(published, None) if published else None


def answer(found: Found, parameters: rendering.Values) -> Answer:
    """Fill the document; apologise in place of one that may call somebody while its application is suspended."""
    filled = fill(found.published, parameters)
    if not found.is_held or not _may_call(filled.body):
        return filled
    try:
        row = _suspension(found, parameters)
    except (DatabaseError, InterfaceError) as error:  # it went away just now: as from disk
        database.failed(error)
        return filled
    if row is None:
        return filled
    return Answer(apologise(found.published.apology), _Verdict.SUSPENDED, standing.words(row)[:200])


def fill(published: Published, parameters: rendering.Values) -> Answer:
    """Fill the document; with its apology when that fails, whatever the parameters are."""
    try:
        body = rendering.render(_program(published.source), {**published.variables, **parameters})
        return Answer(body, _Verdict.SERVED)
    except (templates.TemplateError, rendering.RenderError) as error:
        return Answer(apologise(published.apology), _Verdict.APOLOGY, str(error)[:200])


def apologise(words: str) -> str:
    """Return a document that speaks the apology."""
    return rendering.render(_APOLOGY, {"Words": words or APOLOGY})


def answer_at(url: str, parameters: rendering.Values) -> str | None:
    """Return what one of our addresses would answer now; None for any other: nothing is asked for."""
    found = _ADDRESS.fullmatch(url.partition("?")[0].removeprefix(settings.PORTAL_PUBLIC_URL))
    served = find(found["token"]) if found else None
    if found is None or served is None:
        return None
    if found["fallback"]:
        return apologise(served.published.apology)
    return fill(served.published, parameters).body


class Database:
    """Remembers that the database is away: no fetch waits for it again until a thread has found it back."""

    def __init__(self) -> None:
        self.is_away = False
        self._lock = threading.Lock()

    def failed(self, error: Exception) -> None:
        """Take note of an error; one that is no outage is raised again."""
        if not is_outage(error):
            raise error
        with self._lock:
            if self.is_away:
                return
            self.is_away = True
        _log.warning("documents are served from disk", error=type(error).__name__)
        threading.Thread(target=self._look, name="documents", daemon=True).start()

    def _look(self) -> None:
        while self.is_away:
            time.sleep(_LOOK_SECONDS)
            self.look()
            connections.close_all()

    def look(self) -> None:
        """Find out whether it is back."""
        try:
            with statement_timeout(2), connection.cursor() as cursor:
                cursor.execute("SELECT 1", [])
            self.is_away = False
            _log.info("documents are served from the database again")
        except (DatabaseError, InterfaceError):
            connection.close()


database = Database()
_kept: dict[str, Published] = {}  # what this process wrote to disk last, by token


def _in_database(token: str) -> Found | None:
    """Ask for the number of the published version; the version itself, which never changes, is kept in the process."""
    if "\x00" in token:
        return None
    rows = TexmlDocument.objects.select_related("account").only(*_COLUMNS, "account__previous_public_key")
    held = Exists(Suspension.objects.filter(account=OuterRef("account")))  # no second statement for everybody else
    row = rows.filter(token=token, published__isnull=False).annotate(is_held=held).first()
    if row is None:
        return None
    try:
        published = _version(row.pk, row.published or 0)
    except TexmlVersion.DoesNotExist:  # it is being deleted
        return None
    published = replace(
        published,
        name=row.name,
        account_id=str(row.account_id),
        keys=row.account.public_keys,
        signature=row.signature,
        is_verified=row.verified_at is not None,
    )
    if _kept.get(token) != published:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        copies.write(token, published)
        _kept[token] = published
    return Found(published, row.account, row.is_held)


def _may_call(body: str) -> bool:
    try:
        return texml_documents.may_call(body)
    except texml_documents.Unreadable:
        return True  # whom, nobody here can tell


def _suspension(found: Found, parameters: rendering.Values) -> Suspension | None:
    """Find what suspends the call's application: by the id that the fetch tells, else by what the call is known for."""
    if found.account is None:
        return None
    kept = fetch_log.parameters_kept(dict(parameters))
    told, call_sid = kept.get("ConnectionId"), kept.get("CallSid")
    if not told and isinstance(call_sid, str):  # the action of a verb need not tell it
        calls = Call.objects.filter(account=found.account, call_control_id=call_sid)
        told = calls.values_list("connection_id", flat=True).first()
    return standing.find(found.account.pk, told if isinstance(told, str) else "")


@lru_cache(maxsize=1000)
def _version(document_id: uuid.UUID, number: int) -> Published:
    version = TexmlVersion.objects.get(document=document_id, number=number)
    return Published(
        document_id=str(document_id),
        account_id="",
        name="",
        number=number,
        source=version.source,
        variables=version.variables,
        apology=version.apology,
        keys=[],
        signature="",
        is_verified=False,
    )


@lru_cache(maxsize=1000)
def _program(source: str) -> templates.Program:
    return templates.read(source)
