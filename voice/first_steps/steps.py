"""Looks at each thing that an account needs. Every step may be asked for again at any time, and changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from applications import probe
from applications.models import CallControlApplication, TelnyxApplication, TexmlApplication
from applications.receivers import is_texml_ours, pointing_here
from applications.related.numbers import count_numbers
from portal.actors import Actor
from portal.models import AuditEvent, TelnyxAccount
from portal.signatures import public_key_problem
from portal.telnyx.client import read
from portal.telnyx.connection_check import KeyTrouble, try_key
from portal.telnyx.errors import TelnyxError, TelnyxRefused
from portal.texts import pluralised
from portal.trail import changes
from voice.dialling import limits
from voice.models import CallEvent

_USABLE = (CallEvent.Status.RECEIVED, CallEvent.Status.PROCESSED, CallEvent.Status.IGNORED)
_MOST_ASKED = 5  # applications whose numbers are counted


@dataclass(frozen=True)
class Step:
    """Says how one thing stands. ``ok`` is None where it cannot be told, or is a matter of taste.

    ``hint`` says what to do, ``url`` leads to the page where it is done.
    """

    id: str
    title: str
    ok: bool | None
    words: str
    hint: str = ""
    url: str = ""
    fix: str = ""  # what a button here does about it: its address


class NotStored(Exception):
    """Says why nothing was stored."""


def titles() -> dict[str, str]:
    """Return the titles of all steps by their id, in the order in which they are done."""
    return {id: title for id, (title, _) in _STEPS.items()}


def look(account: TelnyxAccount, id: str) -> Step:
    """Look at one step; Telnyx may be asked, which takes up to its deadline. KeyError for an unknown ``id``."""
    title, check = _STEPS[id]
    found = check(account)
    url = ""
    if found.page:
        url = reverse(found.page, args=[account.pk] if found.page in _OF_ACCOUNT else [])
    fix = reverse(found.fix, args=[account.pk]) if found.fix and not account.from_environment else ""
    is_fixed = account.from_environment and found.ok is False and found.page == _ACCOUNT
    return Step(id, title, found.ok, found.words, _IN_ENVIRONMENT if is_fixed else found.hint, url, fix)


def store_public_key(account: TelnyxAccount, actor: Actor) -> str:
    """Store the key that Telnyx tells, and read it back; whether it was found, made or updated, in words."""
    try:
        theirs = _told_public_key(account)
    except TelnyxError as error:
        raise NotStored(f"Telnyx could not be asked: {error}") from None
    if account.from_environment:
        raise NotStored("This account is set up in the environment: change TELNYX_PUBLIC_KEY there.")
    if theirs is None or public_key_problem(theirs):
        raise NotStored("Telnyx tells no public key: copy it from its portal.")
    old = account.public_key
    if theirs == old:
        return "Found: the stored public key is the one that Telnyx signs with."
    mine = TelnyxAccount.objects.filter(pk=account.pk, public_key=old)
    with transaction.atomic():
        if not mine.update(public_key=theirs, previous_public_key=old or account.previous_public_key):
            raise NotStored("Somebody has just stored another one: look again.")
        account.refresh_from_db()
        told = changes.between({"public_key": old}, {"public_key": account.public_key})
        AuditEvent.note(actor, "account.update", account, changed=["public_key"], **told)
    return "Updated: the old one still verifies while Telnyx changes over." if old else "Created: it is stored now."


class _Found(NamedTuple):
    ok: bool | None
    words: str
    hint: str = ""
    page: str = ""
    fix: str = ""


def _key(account: TelnyxAccount) -> _Found:
    if not account.api_key_sealed:
        return _Found(
            False, "No API key is stored.", "Make one in Telnyx's portal, under API Keys, and enter it.", _ACCOUNT
        )
    try:
        return _Found(True, try_key(account))
    except KeyTrouble as trouble:
        return _Found(False, str(trouble), "Enter the key anew, or its base URL.", _ACCOUNT)


def _public_key(account: TelnyxAccount) -> _Found:
    """Compare with ``GET /public_key``, which Telnyx documents nowhere and its own programs use."""
    try:
        theirs = _told_public_key(account)
    except TelnyxError as error:
        return _Found(None, f"Telnyx could not be asked: {error}", "Try again in a moment.", _ACCOUNT)
    if theirs is None:
        return _by_form(account)
    if theirs == account.public_key:
        return _Found(True, "The stored public key is the one that Telnyx signs with.")
    if not account.public_key:
        return _Found(
            False, f"None is stored, so webhooks are answered 503. Telnyx's is {theirs}", "Store it.", _ACCOUNT, _STORE
        )
    return _Found(False, f"Another one is stored. Telnyx signs with {theirs}", "Store that one.", _ACCOUNT, _STORE)


def _told_public_key(account: TelnyxAccount) -> str | None:
    try:
        told = read(account, "/public_key").get("data")
    except TelnyxRefused:
        return None
    theirs = told.get("public") if isinstance(told, dict) else None
    return theirs if isinstance(theirs, str) and theirs else None


def _by_form(account: TelnyxAccount) -> _Found:
    if account.public_key:
        return _Found(None, "One is stored; Telnyx does not tell its own, so that they cannot be compared.")
    hint = "Copy it from Telnyx's portal, Keys & Credentials, Public Key."
    return _Found(False, "None is stored, so webhooks are answered 503.", hint, _ACCOUNT)


def _address(account: TelnyxAccount) -> _Found:
    if account.is_live and urlsplit(settings.PORTAL_PUBLIC_URL).scheme != "https":
        words = f"PORTAL_PUBLIC_URL is {settings.PORTAL_PUBLIC_URL}: Telnyx cannot send anything there."
        return _Found(False, words, "Set it to the https address at which the internet reaches this portal.")
    found = probe.reachable(account)
    if not found.ok:
        return _Found(False, found.words, "Look at the proxy before the portal, and at PORTAL_PUBLIC_URL.")
    return _Found(True, f"{found.words} {probe.LIMIT}" if account.is_live else found.words)


def _application(account: TelnyxAccount) -> _Found:
    here = _applications(account)
    if here:
        names = ", ".join(str(application) for application in here[:3])
        return _Found(
            True, f"{names}{' and others send' if len(here) > 3 else ' sends' if len(here) == 1 else ' send'} here."
        )
    known = any(
        model.objects.filter(account=account, missing_since=None).exists()
        for model in (CallControlApplication, TexmlApplication)
    )
    words = "No application sends its webhooks here." if known else "No application of the account is known here."
    hint = f"Give one the webhook URL {account.webhook_url}, or make one here; then pull."
    return _Found(False, words, hint, _LIST)


def _numbers(account: TelnyxAccount) -> _Found:
    here = _applications(account)
    if not here:
        return _Found(False, "First an application is needed that sends its webhooks here.", "", _LIST)
    try:
        counts = [count_numbers(application) for application in here[:_MOST_ASKED]]
    except TelnyxError as error:
        return _Found(None, f"Telnyx could not be asked: {error}", "Try again in a moment.")
    if any(counts):
        total = sum(count or 0 for count in counts)
        least = "At least " if None in counts or len(here) > len(counts) else ""
        return _Found(True, f"{least}{pluralised(total, 'phone number is', 'phone numbers are')} assigned to it.")
    if None in counts:
        return _Found(None, "Telnyx does not tell how many numbers are assigned.")
    if len(here) > len(counts):
        words = f"None of the {len(counts)} applications that were asked about has a phone number; more send here."
        return _Found(None, words, "Pull: those that have one are asked about first then.", _LIST)
    return _Found(False, "No phone number is assigned to it: nobody can call.", "Assign one on its page.", _LIST)


def _heard(account: TelnyxAccount) -> _Found:
    rows = CallEvent.objects.filter(account=account).exclude(source=CallEvent.Source.BACKFILL)
    times = rows.order_by("-received_at").values_list("received_at", flat=True)
    found = [times.filter(status=status).first() for status in _USABLE]  # one look into an index each
    if last := max((at for at in found if at), default=None):
        age = timezone.now() - last
        ago = "just now" if age < timedelta(minutes=1) else f"{timesince(last)} ago"
        return _Found(True, f"The last signed webhook came {ago}.")
    hint = "Call one of its numbers, or ring the sandbox: manage.py sandbox_call. If nothing comes, the inbox says why."
    return _Found(False, "No signed webhook has come yet.", hint, _INBOX)


def _limits(account: TelnyxAccount) -> _Found:
    held = limits.of_account(account)
    if not account.is_live:
        return _Found(None, "It is a sandbox: no real phone rings, and nothing costs money.")
    if not (held.allowed_countries or held.allowed_prefixes) and held.any_country:
        return _Found(False, "Every country may be called.", "Name the countries that you call.", _LIMITS)
    if None in (held.dials_per_minute, held.dials_per_day, held.concurrent_calls):
        words = "Countries are limited; how often may be called is not, by the minute, by the day or at a time."
        return _Found(False, words, "Set the three counts.", _LIMITS)
    return _Found(True, "Countries, and calls by the minute, by the day and at a time are limited.")


def _colleagues(account: TelnyxAccount) -> _Found:
    people = User.objects.filter(is_active=True, is_staff=True).count()
    if people > 1:
        return _Found(True, f"{people} people can sign in.")
    return _Found(None, "You are alone here.", "Invite somebody who can look when you are away.", "admin:auth_user_add")


def _applications(account: TelnyxAccount) -> list[TelnyxApplication]:
    """List some that send here, those that had the most phone numbers at the last pull first."""
    found: list[TelnyxApplication] = [*_first(pointing_here(account), "application_name")]
    if is_texml_ours(account):
        found += _first(TexmlApplication.objects.filter(account=account, missing_since=None), "friendly_name")
    return sorted(found, key=lambda one: -(one.numbers_count or 0))


def _first(rows: QuerySet[Any], name: str) -> QuerySet[Any]:
    return rows.order_by(F("numbers_count").desc(nulls_last=True), name)[: _MOST_ASKED + 1]  # one more tells of more


_STORE = "admin:voice_first_steps_public_key"
_IN_ENVIRONMENT = (
    "The account comes from the environment: set TELNYX_API_KEY, TELNYX_PUBLIC_KEY or TELNYX_BASE_URL there, and start "
    "the portal anew."
)
_ACCOUNT, _INBOX = "admin:portal_telnyxaccount_change", "admin:voice_inbox_account"
_OF_ACCOUNT = (_ACCOUNT, _INBOX)
_LIMITS = "admin:voice_limits_changelist"
_LIST = "admin:applications_callcontrolapplication_changelist"
_STEPS: dict[str, tuple[str, Callable[[TelnyxAccount], _Found]]] = {
    "key": ("Telnyx takes the API key", _key),
    "public-key": ("The public key is Telnyx's", _public_key),
    "address": ("The webhook address answers", _address),
    "application": ("An application sends its events here", _application),
    "numbers": ("A phone number leads to it", _numbers),
    "heard": ("A first call was heard", _heard),
    "limits": ("Calls are limited", _limits),
    "colleagues": ("A colleague can sign in", _colleagues),
}
