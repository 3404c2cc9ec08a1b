"""Shows which secrets were saved at Telnyx from here: the name, who and when. Nobody is shown a value."""

from django.http import HttpRequest, HttpResponse

from portal.models import AuditEvent, TelnyxAccount
from voice.catalogue import actions
from voice.models import CallCommand
from voice.texml import secrets
from voice.texml.admin import pages, resources

_MOST = 100


def view(request: HttpRequest) -> HttpResponse:
    """Show the newest of an account. Telnyx lists none, so these are the portal's own commands."""
    pages.demand(request.user, actions.permission(secrets.SAVE))
    account, accounts = pages.chosen(request)
    rows, is_cut = _saved(account) if account else ([], False)
    address = resources.do(account, secrets.SAVE) if account is not None else ""
    told = {"account": account, "accounts": accounts, "rows": rows, "save": address}
    return pages.draw(request, "secrets", "TeXML secrets", **told, is_cut=is_cut, most=_MOST)


def _saved(account: TelnyxAccount) -> tuple[list[CallCommand], bool]:
    """Find them by the audit trail, which has an index by action; the journal has none. And whether there are more."""
    noted = list(AuditEvent.objects.filter(action=secrets.SAVE, object_id=str(account.pk))[: _MOST + 1])
    ids = [event.details.get("command") for event in noted[:_MOST]]
    rows = CallCommand.objects.filter(pk__in=ids, account=account).order_by("-created_at")
    return list(rows), len(noted) > _MOST
