"""Makes the accounts of a start: ``default`` from the environment, else ``sandbox``.

Finds the accounts that a command names.
"""

from django.conf import settings
from django.core.management import CommandError

from portal.models import TelnyxAccount
from portal.sandbox.core.keys import public_key, signing_key

SANDBOX_API_KEY = "KEY-sandbox"


def ensure_accounts() -> TelnyxAccount | None:
    """Make or refresh the account ``default`` from ``TELNYX_*``; without them make ``sandbox`` if there is no account.

    Rows only: nothing is asked of Telnyx. Returns the sandbox account, if there is one.
    """
    if settings.TELNYX_API_KEY:
        _refresh_default()
    sandbox = TelnyxAccount.objects.filter(name="sandbox").first()
    if sandbox is None and not TelnyxAccount.objects.exists():
        sandbox = TelnyxAccount(name="sandbox")
        sandbox.api_key = SANDBOX_API_KEY
    if sandbox is not None:
        sandbox.base_url = f"http://127.0.0.1:{settings.SANDBOX_PORT}/v2"
        sandbox.public_key = public_key(signing_key(settings.VAR_DIR / "sandbox.key"))
        sandbox.save()
    return sandbox


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
