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
    rows = _saved(account) if account else []
    address = resources.do(account, secrets.SAVE) if account is not None else ""
    context = {"account": account, "accounts": accounts, "rows": rows, "save": address, "most": _MOST}
    return pages.draw(request, "secrets", "TeXML secrets", **context)


def _saved(account: TelnyxAccount) -> list[CallCommand]:
    """Find them by the audit trail, which has an index by action; the journal has none."""
    noted = AuditEvent.objects.filter(action=secrets.SAVE, object_id=str(account.pk))[:_MOST]
    ids = [event.details.get("command") for event in noted]
    return list(CallCommand.objects.filter(pk__in=ids, account=account).order_by("-created_at"))
