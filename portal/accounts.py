"""Makes the accounts of a start: ``default`` from the environment, else ``sandbox``.

Finds the accounts that a command names.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import CommandError
from django.db import transaction

from portal.actors import PORTAL
from portal.models import AuditEvent, TelnyxAccount
from portal.sandbox.core.keys import public_key, signing_key
from portal.trail import changes

SANDBOX_API_KEY = "KEY-sandbox"


def ensure_accounts(*, with_sandbox: bool = True) -> TelnyxAccount | None:
    """Make or refresh the account ``default`` from ``TELNYX_*``; without them make ``sandbox`` if there is no account.

    Rows only: nothing is asked of Telnyx. Returns the account that leads to this portal's own sandbox, if there is one;
    where none runs, ``with_sandbox`` is false, and no account is made for it.
    """
    if settings.TELNYX_API_KEY:
        _refresh_default()
    else:
        _release_default()
    sandbox = TelnyxAccount.objects.filter(name="sandbox").first()
    if with_sandbox and sandbox is None and not TelnyxAccount.objects.exists():
        sandbox = TelnyxAccount(name="sandbox")
        sandbox.api_key = SANDBOX_API_KEY
    if sandbox is not None and (sandbox._state.adding or _is_of_a_start(sandbox)):
        sandbox.base_url = f"http://127.0.0.1:{settings.SANDBOX_PORT}/v2"
        sandbox.public_key = public_key(signing_key(settings.VAR_DIR / "sandbox.key"))
        sandbox.save()
    return sandbox if sandbox is not None and _leads_here(sandbox) else None


def _is_of_a_start(sandbox: TelnyxAccount) -> bool:
    """Tell whether a start has said where it leads, and nobody else since: a name alone makes no sandbox of it."""
    told = AuditEvent.objects.filter(object_type=sandbox._meta.label_lower, object_id=str(sandbox.pk))
    of_people = told.filter(action__in=("account.create", "account.update")).values_list("details", flat=True)
    return not sandbox.is_live and not any("base_url" in details.get("changed", ()) for details in of_people)


def _leads_here(account: TelnyxAccount) -> bool:
    return not account.is_live and urlsplit(account.base_url).port == settings.SANDBOX_PORT


def _release_default() -> None:
    """Let people change and delete what came from the environment once nothing of it stands there any more."""
    for account in TelnyxAccount.objects.filter(from_environment=True):
        with transaction.atomic():
            if TelnyxAccount.objects.filter(pk=account.pk, from_environment=True).update(from_environment=False):
                told = changes.between({"from_environment": True}, {"from_environment": False})
                AuditEvent.note(PORTAL, "account.update", account, changed=["from_environment"], **told)


def _refresh_default() -> None:
    account = TelnyxAccount.objects.filter(name="default").first() or TelnyxAccount(name="default")
    account.base_url, account.from_environment = settings.TELNYX_BASE_URL, True
    account.account_sid = settings.TELNYX_ACCOUNT_SID
    account.api_key = settings.TELNYX_API_KEY  # sealed anew: the stored one may be of a key that is gone
    if settings.TELNYX_PUBLIC_KEY and account.public_key != settings.TELNYX_PUBLIC_KEY:
        account.previous_public_key, account.public_key = account.public_key, settings.TELNYX_PUBLIC_KEY
    account.save()


def accounts_named(name: str | None) -> list[TelnyxAccount]:
    """Return all accounts, or the one of that name. ``CommandError`` when there is none."""
    accounts = TelnyxAccount.objects.all()
    if name is None:
        return list(accounts)
    if not (named := list(accounts.filter(name=name))):
        raise CommandError(f"There is no account {name}.")
    return named
