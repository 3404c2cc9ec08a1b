"""Packs the bundles of many calls into one zip, while it is taken: one bundle for each session that they are of."""

import io
import json
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from django.db import DatabaseError
from django.http import StreamingHttpResponse
from django.utils import timezone

from portal.actors import Actor
from portal.masking import may_see_whole, whole_was_seen
from portal.models import AuditEvent
from voice.call_log.bulk.selection import Selection, SelectionRefused
from voice.call_page import bundle
from voice.call_page import session as sessions
from voice.models import Call

MOST = 100  # calls: each session is read, judged and drawn while somebody waits
_CUT = "This file is not whole: the database did not answer in time. Take fewer calls, or try again.\n"
_log = structlog.get_logger(__name__)


def answer_with(chosen: Selection, request: Any, actor: Actor) -> StreamingHttpResponse:
    """Answer with the zip, which nobody keeps on the way. Raises ``SelectionRefused`` for too many."""
    if len(chosen.ids) > MOST:
        raise SelectionRefused("call", f"At most {MOST} calls at a time are bundled; these are {len(chosen.ids):,}.")
    shows = may_see_whole(actor.user)
    AuditEvent.note(actor, "call.bundle_many", None, query=chosen.words, count=len(chosen.ids), shows_numbers=shows)
    answer = StreamingHttpResponse(_stream(chosen.ids, request, actor), content_type="application/zip")
    name = f"calls-{timezone.now():%Y-%m-%d-%H%M}Z.zip"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


class _Pipe(io.RawIOBase):
    """Takes what is written, until somebody fetches it."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def fetch(self) -> bytes:
        """Return what was written since the last time."""
        told, self._written = bytes(self._written), bytearray()
        return told


def _stream(ids: Sequence[uuid.UUID], request: Any, actor: Actor) -> Iterator[bytes]:
    """Write the zip, a bundle at a time. One that could not be finished has a file in it that says so."""
    pipe, lines = _Pipe(), list[str]()
    try:
        with zipfile.ZipFile(pipe, "w") as archive:  # bundles are compressed already
            try:
                for name, packed, told in _bundles(ids, request, actor):
                    archive.writestr(name, packed)
                    lines.append(json.dumps(told) + "\n")
                    yield pipe.fetch()
            except DatabaseError as failed:
                _log.warning("bundles are not whole", error=type(failed).__name__)
                archive.writestr("not-whole.txt", _CUT)
            archive.writestr("calls.ndjson", "".join(lines))
        yield pipe.fetch()
    finally:
        whole_was_seen()  # it is noted with these; the next request of this thread did not show any


def _bundles(ids: Sequence[uuid.UUID], request: Any, actor: Actor) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Pack each session once, however many of its legs were chosen; say with it what it is."""
    packed = set[uuid.UUID]()
    for pk in ids:
        call = Call.objects.select_related("account").filter(pk=pk).first()
        if call is None or pk in packed:
            continue
        session = sessions.alone(request, call)
        legs = [leg for _, leg in session.legs]
        packed |= {leg.pk for leg in legs}
        told: dict[str, Any] = {
            "file": bundle.file_name(session),
            "call_session_id": call.call_session_id,
            "started_at": legs[0].started_at.isoformat(),
            "legs": [leg.call_control_id for leg in legs],
        }
        yield told["file"], bundle.packed(session, actor, request), told
