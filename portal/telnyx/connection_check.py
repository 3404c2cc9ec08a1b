"""Checks whether the portal can work with an account: asked with a click, answered in words."""

from http import HTTPStatus

from portal.encryption import CannotOpen
from portal.models import TelnyxAccount
from portal.signatures import public_key_problem
from portal.telnyx.account_sids import account_sid
from portal.telnyx.client import ask
from portal.telnyx.errors import TelnyxError, TelnyxRefused, TelnyxUnavailable


class KeyTrouble(Exception):
    """Says why a key is not known to be right, and which field to look at. ``is_wrong``: Telnyx does not know it."""

    def __init__(self, said: str, field: str, *, is_wrong: bool = False) -> None:
        super().__init__(said)
        self.field, self.is_wrong = field, is_wrong


def check_connection(account: TelnyxAccount) -> tuple[bool, list[str]]:
    """Return whether all is well, and a sentence for each thing looked at."""
    well, sentences = _check_key(account)
    if not account.public_key:
        return False, [*sentences, "No public key is stored, so no webhook can be verified: they are answered 503."]
    if problem := public_key_problem(account.public_key):
        return False, [*sentences, problem]
    return well, [*sentences, "The public key has the right form."]


def _check_key(account: TelnyxAccount) -> tuple[bool, list[str]]:
    if not account.api_key_sealed:
        return False, ["No API key is stored."]
    try:
        _ = account.api_key
    except CannotOpen as error:
        return False, [f"The stored API key cannot be read: {error}. Enter it again."]
    try:
        return True, [try_key(account), _account_sid_in_words(account)]
    except KeyTrouble as trouble:
        return False, [str(trouble)]


def try_key(account: TelnyxAccount) -> str:
    """Ask Telnyx for one application and return in words that it takes the account's key. ``KeyTrouble`` otherwise."""
    try:
        ask(account, "call_control_applications.list", extra_query={"page[size]": "1"})
    except TelnyxRefused as error:
        said = f"Telnyx was reached and refused the API key that ends in {account.api_key_last4}: {error}"
        raise KeyTrouble(said, "api_key", is_wrong=error.http_status == HTTPStatus.UNAUTHORIZED) from error
    except TelnyxUnavailable as error:
        if error.http_status is not None:
            raise KeyTrouble(f"{account.base_url} answered, but not like Telnyx: {error}", "base_url") from error
        said = f"{account.base_url} cannot be reached: is the address right, and is the host up? {error}"
        raise KeyTrouble(said, "base_url") from error
    return f"{account.base_url} accepts the API key that ends in {account.api_key_last4}."


def _account_sid_in_words(account: TelnyxAccount) -> str:
    """Say which id stands in TeXML's addresses; that nobody knows it keeps Call Control from nothing."""
    try:
        sid = account_sid(account)
    except TelnyxError as error:
        return f"TeXML's account SID is not known: {error}"
    return f"TeXML's account SID is {sid}, {'as entered' if account.account_sid else 'as Telnyx told it'}."
