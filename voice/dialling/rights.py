"""Decides which permissions a command takes, by what it does: also for a rule, which acts on behalf of its writer."""

from collections.abc import Iterable
from typing import Any

from portal.actors import Actor
from portal.models import ApiToken, TelnyxAccount
from portal.refusals import PortalRefusal
from voice.catalogue import actions, texml_documents
from voice.dialling import egress, limits
from voice.dialling.destinations import destinations
from voice.models import Limits

DIAL = "voice.dial"
_BY_DOCUMENT = "texml.calls.redirect"  # has a call go on with a document


def needed(action: str, parameters: Any) -> set[str]:
    """Name the permissions it takes: to dial for whatever may ring a phone, to listen for what is recorded or sent."""
    found = {actions.permission(action)}
    named = destinations(action, parameters)
    if named or named.is_open:
        found.add(DIAL)
    if actions.is_listening(action, parameters):
        found.add("voice.listen_recording")
    return found


def may(user: Any, action: str) -> bool:
    """Tell whether this person may press it, whatever its parameters add to that."""
    return bool(user.has_perms(needed(action, {})))


def demand(actor: Actor, action: str, parameters: Any) -> None:
    """Raise ``PortalRefusal`` when who asks for the command lacks one of its permissions. The portal lacks none."""
    _demand(actor, needed(action, parameters), "This")


def demand_for_rules(actor: Actor, account: TelnyxAccount, rules: Iterable[dict[str, Any]]) -> None:
    """Raise ``PortalRefusal`` when whoever writes these rules may not do by hand what their actions do."""
    held: list[Limits] = []
    is_limited = actor.token is not None and limits.of_token(actor.token) is not None
    for at, rule in enumerate(rules, 1):
        for entry in rule["do"]:
            action, parameters = entry["action"], entry.get("parameters", {})
            what, wanted = f"Rule #{at} ({action})", needed(action, parameters)
            _demand(actor, wanted, what)
            _demand_of_token(actor.token, wanted, what, is_limited=is_limited)
            if found := egress.addresses(action, parameters):
                held = held or limits.limits_for(account, actor.token)
                egress.check(held, found, actor.user)


def demand_for_document(actor: Actor, account: TelnyxAccount, source: str) -> None:
    """Raise ``PortalRefusal`` when whoever publishes a TeXML document may not do by hand what it does to a call."""
    parameters = {texml_documents.PARAMETER: source}
    if wanted := needed(_BY_DOCUMENT, parameters) - {actions.permission(_BY_DOCUMENT)}:
        _demand(actor, wanted, "This document")
        is_limited = actor.token is not None and limits.of_token(actor.token) is not None
        _demand_of_token(actor.token, wanted, "This document", is_limited=is_limited)
    if found := egress.addresses(_BY_DOCUMENT, parameters):
        egress.check(limits.limits_for(account, actor.token), found, actor.user)


def _demand_of_token(token: ApiToken | None, wanted: set[str], what: str, *, is_limited: bool) -> None:
    """Refuse a token for which a rule would be a way around its scopes, or around limits of its own."""
    if token is not None and not token.allows("calls:write"):
        raise PortalRefusal(f"{what} acts on calls: that takes a token with the scope calls:write.")
    if DIAL in wanted and is_limited:
        raise PortalRefusal(
            f"{what} may ring a phone. It would be held to the limits of its account alone, and this token has limits "
            "of its own: it cannot do that."
        )


def _demand(actor: Actor, wanted: set[str], what: str) -> None:
    if actor.user is None:
        return
    if lacking := sorted(permission for permission in wanted if not actor.user.has_perm(permission)):
        why = " It may ring a phone, if only through a tool." if DIAL in lacking else ""
        raise PortalRefusal(f"{what} needs the permission {' and '.join(lacking)}, which is lacking.{why}")
