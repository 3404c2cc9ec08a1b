"""Decides for pages and REST alike what of a list is asked of Telnyx, and what of its answer a person may see."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core import signing
from rest_framework.exceptions import APIException

from portal.actors import Actor
from portal.masking import HIDDEN, masked_for, may_see_whole
from portal.models import AuditEvent
from portal.telnyx.schemas import InvalidParameters
from voice.calls import search
from voice.catalogue import texml_operations
from voice.texml.recordings import playable

LISTEN = "voice.listen_recording"
_SALT = "texml.page"
_LINK, _SAID = "media_url", "transcription_text"  # what was said, for those who may listen to recordings
_SIDES = ("From", "To")  # filters that search for a number


class Listed(NamedTuple):
    """Names a list: Telnyx's operation, the filters, and what else is the same on each page, as account and call."""

    name: str
    wanted: Mapping[str, str]
    of: tuple[str, ...]


class SideRefused(Exception):
    """Says in words why a number is not searched for, and in which filter it stands."""

    def __init__(self, side: str, refused: search.SearchRefused) -> None:
        super().__init__(refused.words)
        self.side, self.refused = side, refused

    def problem(self) -> APIException:
        return self.refused.problem(self.side)


def query(listed: Listed, actor: Actor, sealed: str | None, size: int) -> dict[str, str]:
    """Return what Telnyx is asked for a page of a list: the filters, or what the cursor ``sealed`` holds.

    Raises ``InvalidParameters`` for a value that the list does not take and for what is no cursor of ours, or of
    another list or other filters; ``SideRefused`` for a number that who may not see whole ones may not search for.
    """
    wanted = listed.wanted
    texml_operations.check_filters(listed.name, wanted)
    for side in _SIDES if not may_see_whole(actor.user) else ():
        if side in wanted:
            try:
                search.admit(wanted[side], actor)
            except search.SearchRefused as refused:
                raise SideRefused(side, refused) from None
    return _opened(sealed, listed) if sealed else {**wanted, "PageSize": str(size)}


def cursor(query: dict[str, str], listed: Listed) -> str:
    """Seal the query of a neighbouring page, so that nobody makes one up, with the list and the filters it is of."""
    return signing.dumps({"query": query, "of": _written(listed)}, salt=_SALT, compress=True)


def shown(user: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource as this person may see it: numbers masked, and what was said for who may listen.

    A link to a file is told by ``with_link`` alone, which notes it.
    """
    hidden = {_LINK} if user.has_perm(LISTEN) else {_LINK, _SAID}
    seen = {name: None if name in hidden else member for name, member in row.items()}
    masked: dict[str, Any] = masked_for(user, seen)
    return masked


def with_link(row: Mapping[str, Any], sid: str, actor: Actor) -> dict[str, Any]:
    """Return a recording as ``shown`` does, with the link to its file for who may listen; that they do is noted.

    The link is whole unless its path tells a hidden number: with a signature that is masked it leads nowhere.
    """
    seen = shown(actor.user, row)
    if row.get(_LINK) and actor.user is not None and actor.user.has_perm(LISTEN):
        AuditEvent.note_look(actor, "recording.listen", sid)
        seen[_LINK] = playable(actor.user, row) or masked_for(actor.user, {_LINK: row[_LINK]})[_LINK]
    return seen


def without_link(user: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource as ``shown`` does for all that Telnyx tells, a link in it hidden and not left out."""
    return shown(user, row) | ({_LINK: HIDDEN} if row.get(_LINK) else {})


def _written(listed: Listed) -> list[Any]:
    return [listed.name, dict(listed.wanted), list(listed.of)]


def _opened(sealed: str, listed: Listed) -> dict[str, str]:
    try:
        opened: dict[str, Any] = signing.loads(sealed, salt=_SALT)
    except signing.BadSignature:
        words = "This is no cursor of ours. Follow next and previous as they are."
        raise InvalidParameters({"cursor": [words]}) from None
    if opened["of"] != _written(listed):  # Telnyx's page is of what it was first asked for
        words = "This cursor is of another list, of other filters or of another page_size: leave it out to begin anew."
        raise InvalidParameters({"cursor": [words]})
    query: dict[str, str] = opened["query"]
    return query
